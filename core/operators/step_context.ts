import type { Headers, RecordMeta } from "../record.ts";
import { type Descriptors, openState, type StatePlace } from "../state/descriptors.ts";
import type { OperatorContext } from "./operator.ts";
import type { Broadcast, KeyedContext, TaskContext } from "./process_function.ts";
import type { SideSpec } from "./side_output.ts";
import { openTimers, type Timer, type Timers } from "./timers.ts";

/** What the user declared beside the functions. */
export interface Declared {
  readonly state?: Descriptors;
  readonly side?: SideSpec;
}

type Handles = Readonly<Record<string, any>>;

/** What stays the same for a step from one record to the next. */
export class Frame {
  readonly context: OperatorContext;
  readonly state: Handles;
  readonly side: Handles;
  readonly timers: Timers;
  readonly broadcast: Handles | undefined;
  readonly requestCommit: () => void;
  /** What is being handled: side outputs are sent with it. */
  record!: RecordMeta;

  /** @param options `onTimer` present: the step may set timers. */
  constructor(
    context: OperatorContext,
    declared: Declared,
    options: {
      readonly onTimer?: ((timer: Timer) => void) | undefined;
      readonly broadcast?: Handles;
      readonly keysIn?: StatePlace["keysIn"];
    } = {},
  ) {
    this.context = context;
    this.state = openState(declared.state ?? {}, context, { prefix: "u:", keysIn: options.keysIn });
    this.timers = openTimers(context, options.onTimer);
    this.broadcast = options.broadcast;
    this.requestCommit = () => context.requestCommit();
    const side: Record<string, (value: unknown) => void> = {};
    for (const name of Object.keys(declared.side ?? {})) {
      const push = context.side(name);
      side[name] = (value) => push(value, this.record);
    }
    this.side = side;
  }
}

/** The second argument of a process function. It keeps its record, so a function that runs later still sees the right one; state, timers and clocks are always those of now. */
export class StepContext implements KeyedContext<any, any, any> {
  readonly #frame: Frame;
  readonly #record: RecordMeta;

  constructor(frame: Frame, record: RecordMeta) {
    this.#frame = frame;
    this.#record = record;
    frame.record = record;
  }

  get key(): any {
    return this.#record.key;
  }
  get timestamp(): number {
    return this.#record.timestamp;
  }
  get headers(): Headers {
    return this.#record.headers;
  }
  get topic(): string {
    return this.#record.topic;
  }
  get partition(): number {
    return this.#record.partition;
  }
  get offset(): number {
    return this.#record.offset;
  }
  get state(): any {
    return this.#frame.state;
  }
  get side(): any {
    return this.#frame.side;
  }
  get timers(): Timers {
    return this.#frame.timers;
  }
  get broadcast(): any {
    return this.#frame.broadcast;
  }
  get watermark(): number {
    return this.#frame.context.watermark();
  }
  get streamTime(): number {
    return this.#frame.context.streamTime();
  }
  get processingTime(): number {
    return this.#frame.context.processingTime();
  }
  get requestCommit(): () => void {
    return this.#frame.requestCommit;
  }
}

/** What a function sees of its step that runs for no record. The context of a record has the same in itself: it is made for each. */
export class FrameContext {
  readonly #frame: Frame;

  constructor(frame: Frame) {
    this.#frame = frame;
  }

  get state(): any {
    return this.#frame.state;
  }
  get side(): any {
    return this.#frame.side;
  }
  get watermark(): number {
    return this.#frame.context.watermark();
  }
  get streamTime(): number {
    return this.#frame.context.streamTime();
  }
  get processingTime(): number {
    return this.#frame.context.processingTime();
  }
  get requestCommit(): () => void {
    return this.#frame.requestCommit;
  }
}

/** The second argument of a function that runs for a whole task. */
export class TaskStepContext extends FrameContext implements TaskContext<any, any> {
  readonly broadcast: any;
  readonly forEachKey: Parameters<Broadcast<any, any, any, any, any, any, any, any, any>["onBroadcast"]>[1]["forEachKey"];

  constructor(frame: Frame, broadcast: Handles, forEachKey: (fn: (key: any, state: any) => void) => void) {
    super(frame);
    this.broadcast = broadcast;
    this.forEachKey = forEachKey;
  }

  override get state(): any {
    return {};
  }
}
