import type { Operator, OperatorContext, OperatorFactory, Push } from "../../core/operators/operator.ts";
import { noHeaders } from "../../core/ports/log.ts";
import { RecordMeta } from "../../core/record.ts";
import { keyCodec } from "../../core/state/codecs.ts";
import { MemoryStore } from "../../core/state/memory_store.ts";
import { StepState } from "../../core/state/step_state.ts";
import type { AroundTimer, TimerService } from "../../core/state/timer_service.ts";

export interface Emitted {
  readonly value: unknown;
  readonly key: unknown;
  readonly timestamp: number;
}

/** Drives one operator alone: records, watermarks and processing time in, what it emits out. Restart gives a new operator over what was committed. */
export class OperatorHarness {
  readonly store: MemoryStore = new MemoryStore();
  readonly out: Emitted[] = [];
  readonly sides: Map<string, Emitted[]> = new Map();
  readonly counters: Map<string, number> = new Map();
  readonly changelog: { readonly key: Uint8Array; readonly value: Uint8Array | null }[] = [];
  readonly #factory: OperatorFactory;
  #watermark = Number.NEGATIVE_INFINITY;
  #processingTime = 0;
  #streamTime = Number.NEGATIVE_INFINITY;
  #operator!: Operator;
  #event: TimerService | undefined;
  #processing: TimerService | undefined;
  #offset = 0;
  #around: AroundTimer | undefined;
  state!: StepState;

  constructor(factory: OperatorFactory) {
    this.#factory = factory;
    this.#open();
  }

  #open(): void {
    const collect =
      (into: Emitted[]): Push =>
      (value, record) => {
        into.push({ value, key: record.key, timestamp: record.timestamp });
      };
    this.state = new StepState(this.store, keyCodec(undefined));
    this.#event = undefined;
    this.#processing = undefined;
    const context: OperatorContext = {
      step: "step",
      partition: 0,
      partitions: 1,
      emit: collect(this.out),
      side: (name) => collect(this.side(name)),
      sideIsRead: () => true,
      state: this.state,
      stateOf: () => this.state,
      eventTimers: (handler, options) => (this.#event = this.state.timers("event-timers", handler, options)),
      processingTimers: (handler, options) => (this.#processing = this.state.timers("processing-timers", handler, options)),
      watermark: () => this.#watermark,
      streamTime: () => this.#streamTime,
      processingTime: () => this.#processingTime,
      clock: {
        now: () => this.#processingTime,
        monotonic: () => this.#processingTime,
        after: () => ({ cancel: () => {} }),
        yield: async () => {},
      },
      count: (metric, by = 1) => this.counters.set(metric, (this.counters.get(metric) ?? 0) + by),
      requestCommit: () => {},
      timeMoved: () => {},
      wake: () => {},
    };
    this.#operator = this.#factory(context);
    this.#operator.open?.();
  }

  record(key: unknown, value: unknown, timestamp: number, input = 0): void {
    this.#streamTime = Math.max(this.#streamTime, timestamp);
    this.#operator.inputs[input]!(value, new RecordMeta(key, timestamp, noHeaders, "input", 0, this.#offset++));
  }

  /** From now on timers whose handler throws are taken back and left out, as under skip(). */
  skipFailing(): void {
    this.#around = (fire, leaveOut) => {
      this.state.mark();
      const emitted = this.out.length;
      try {
        fire();
        this.state.keep();
      } catch {
        this.state.rollback();
        this.out.length = emitted;
        leaveOut("with-what-it-held");
      }
    };
  }

  watermark(timestamp: number): void {
    this.#watermark = timestamp;
    while (this.#event?.fireNext(timestamp, this.#around));
    this.#operator.onWatermark?.(timestamp);
  }

  processingTime(timestamp: number): void {
    this.#processingTime = timestamp;
    while (this.#processing?.fireNext(timestamp, this.#around));
  }

  commit(): void {
    this.#operator.onCommit?.("commit");
    this.state.seal((key, value) => this.changelog.push({ key, value }));
    this.state.committed(this.changelog.length);
  }

  abort(): void {
    this.#open();
  }

  /** Commits, and goes on with a new operator; the watermark is told again, as after a restore. */
  restart(): void {
    this.commit();
    const watermark = this.#watermark;
    this.#watermark = Number.NEGATIVE_INFINITY;
    this.#open();
    if (watermark !== Number.NEGATIVE_INFINITY) this.watermark(watermark);
  }

  side(name: string): Emitted[] {
    let side = this.sides.get(name);
    if (side === undefined) this.sides.set(name, (side = []));
    return side;
  }

  /** What was emitted since the last call. */
  take(): readonly Emitted[] {
    return this.out.splice(0);
  }
}
