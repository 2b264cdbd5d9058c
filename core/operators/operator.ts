import type { Clock } from "../ports/clock.ts";
import type { RecordMeta } from "../record.ts";
import type { StateContext } from "../state/state_context.ts";
import type { TimerHandler, TimerOptions, TimerService } from "../state/timer_service.ts";

/** Takes one record, synchronously, with everything that follows from it. */
export type Push = (value: unknown, record: RecordMeta) => void;

/**
 * One step as it runs in one task. It is made anew from its factory whenever the task opens or takes back what was not committed; so whatever has to outlive a record stands in
 * `state`, never in fields.
 */
export interface Operator {
  /** One per input port, in the order of the plan. */
  readonly inputs: readonly Push[];
  /** Its inputs are one stream: their event time is joined as at a union, where an input that comes back from idleness counts when it has caught up. @default false: it counts at once */
  readonly united?: boolean;
  /** Called once, after the stores are restored and before the first record. */
  open?(): void;
  /** The watermark of all inputs has risen to this and every event timer up to it has fired. Called before the steps behind are told. */
  onWatermark?(watermark: number): void;
  /** All inputs have fallen idle, or one of them is active again. Called before the steps behind are told. */
  onIdle?(idle: boolean): void;
  /** Present: the step says itself how far event time has come behind it. Looked at when its inputs' time has moved, and when it has called `timeMoved`. */
  readonly time?: StepTime;
  /** Present: the step does something on its own, neither for a record nor for a timer. */
  readonly work?: OwnWork;
  /** Called at least once per watermark period. */
  onPeriod?(): void;
  /** Called when the operator is let go of, with or without what it has done since the last commit. */
  close?(): void;
  /** Called when a record is through all steps of the task. */
  afterRecord?(): void;
  /** The moment of the Clock at which `onClock` is to be called next, between records; +Infinity for never. */
  nextClock?(): number;
  onClock?(now: number): void;
  /**
   * Called before what was changed since the last commit is sealed: the place for clean-up in small pieces.
   * @param commit names it, as the metadata of its offsets does
   */
  onCommit?(commit: string): void;
  /**
   * True while the step holds something that waits for event time beside its timers: the task then does not report itself idle.
   */
  holds?(): boolean;
}

/** Event time as a step lets it pass to those behind. */
export interface StepTime {
  /** Never falls. */
  readonly watermark: number;
  readonly idle: boolean;
}

/** What a step does on its own, such as sending on what was answered. Done between records, piece by piece. */
export interface OwnWork {
  /** The moment of the Clock at which the next piece is due: -Infinity when it is now, +Infinity when there is none. */
  nextAt(): number;
  /** Does one piece. What it changes in the state can be taken back. */
  run(): void;
  /** Gives up the piece that `run` would do next: it has failed, and a policy says to go on. */
  leaveOut(): void;
  /** The step has more to do than it wants: no record is taken meanwhile. */
  readonly full: boolean;
  /** Records that wait here for something outside, and about how many bytes they take. */
  readonly pending: { readonly records: number; readonly bytes: number };
  /** Nothing is left that has to be done before the task may say that it is at its end. */
  readonly finished: boolean;
}

/** Makes one operator for one task. Pure: what it needs of the world stands in the context. */
export type OperatorFactory = (context: OperatorContext) => Operator;

/** What a step finds around itself in its task. */
export interface OperatorContext extends StateContext {
  readonly partition: number;
  /** How many tasks the sub-topology has. */
  readonly partitions: number;
  /** Sends a result on. Results are time-stamped by the step. */
  readonly emit: Push;
  /** The side output of that name; goes nowhere when nobody reads it. */
  side(name: string): Push;
  /** True when somebody reads that side output. */
  sideIsRead(name: string): boolean;
  /**
   * Timers in event time, fired by the runtime when the watermark passes them; in processing time, fired between records when the Clock has reached them. Asked for at most once each, when the operator is made. The handler runs with
   * the state's key (and namespace) set to the timer's.
   */
  eventTimers(handler: TimerHandler, options?: TimerOptions): TimerService;
  processingTimers(handler: TimerHandler, options?: TimerOptions): TimerService;
  /** What the step's `time` says has changed: the steps behind are told when the record or timer at hand is through. */
  timeMoved(): void;
  /** There is something to do for the step's `work`: the task looks soon. May be called at any moment. */
  wake(): void;
  readonly clock: Clock;
  requestCommit(): void;
}
