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
  /** Called once, after the stores are restored and before the first record. */
  open?(): void;
  /** The watermark of all inputs has risen to this and every event timer up to it has fired. Called before the steps behind are told. */
  onWatermark?(watermark: number): void;
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
  readonly clock: Clock;
  /** Adds one to a counter that is tagged with the step: late_records, dropped_null_key, ... */
  count(metric: string, by?: number): void;
  requestCommit(): void;
}
