import type { Store } from "../ports/store.ts";
import { keyCodec } from "../state/codecs.ts";
import type { ValueCodec } from "../state/step_state.ts";
import { StepState } from "../state/step_state.ts";
import type { ValueTable } from "../state/value_table.ts";
import { Valve } from "../time/valve.ts";
import { decodeUpstreamTime, encodeUpstreamTime, type UpstreamTime } from "./watermark_record.ts";

const codec: ValueCodec<UpstreamTime> = { encode: encodeUpstreamTime, decode: decodeUpstreamTime };

/**
 * Event time of a partition of a repartition topic: one entry per upstream task. A task that has not reported yet counts as active at minus infinity; entries never fall. Part of the task's state, so that it survives restarts
 * although the watermark records are read only once.
 */
export class UpstreamVector {
  readonly state: StepState;
  readonly #table: ValueTable<UpstreamTime>;
  readonly #channels = new Map<string, number>();
  readonly #valve: Valve = new Valve(0);
  readonly #finished = new Set<string>();
  readonly #committed: number;

  /**
   * @param expected the sub-topologies that write the topic, with their numbers of tasks
   * @param committed the watermark that was reached before: a writer that had been idle and has not caught up yet, or one that has been added since, does not bring it down
   */
  constructor(
    store: Store,
    expected: readonly { readonly subtopology: number; readonly tasks: number }[],
    committed: number = Number.NEGATIVE_INFINITY,
  ) {
    this.state = new StepState(store, keyCodec(undefined));
    this.#table = this.state.value("upstream", codec);
    this.#committed = committed;
    for (const { subtopology, tasks } of expected) this.#expect(subtopology, tasks);
  }

  /** Reads what was committed. In an unbounded run nothing is ever finished, whatever an earlier bounded one has left. */
  load(bounded: boolean): void {
    for (const [, time] of this.#table.all()) if (time.status !== "finished" || bounded) this.#apply(time);
  }

  /** A watermark record was read. */
  update(time: UpstreamTime): void {
    const id = `${time.subtopology}_${time.partition}`;
    this.state.setKey(id);
    const before = this.#table.get();
    const older = before !== undefined && time.incarnation < before.incarnation;
    const merged: UpstreamTime = {
      ...time,
      tasks: Math.max(time.tasks, before?.tasks ?? 0),
      watermark: Math.max(
        time.watermark,
        before?.status === "finished" && time.status !== "finished"
          ? Number.NEGATIVE_INFINITY
          : (before?.watermark ?? Number.NEGATIVE_INFINITY),
      ),
      incarnation: Math.max(time.incarnation, before?.incarnation ?? 0),
      status: older ? before.status : time.status,
    };
    this.#table.set(merged);
    this.#apply(merged);
  }

  get watermark(): number {
    return this.finished ? Number.POSITIVE_INFINITY : Math.max(this.#committed, this.#valve.watermark);
  }

  get idle(): boolean {
    return this.#valve.idle;
  }

  /** Every upstream task has said that it is at its end. */
  get finished(): boolean {
    return this.#finished.size === this.#channels.size && this.#channels.size > 0;
  }

  #apply(time: UpstreamTime): void {
    const id = `${time.subtopology}_${time.partition}`;
    this.#expect(time.subtopology, time.tasks);
    const channel = this.#channels.get(id);
    if (channel === undefined) return;
    if (time.status === "finished") this.#finished.add(id);
    else this.#finished.delete(id);
    if (time.status === "idle") {
      // The watermark goes first: it is what the task reached before it fell silent.
      this.#valve.inputStatus(channel, false);
      this.#valve.inputWatermark(channel, time.watermark);
      this.#valve.inputStatus(channel, true);
    } else {
      this.#valve.inputStatus(channel, false);
      this.#valve.inputWatermark(channel, time.status === "finished" ? Number.POSITIVE_INFINITY : time.watermark);
    }
  }

  #expect(subtopology: number, tasks: number): void {
    for (let partition = 0; partition < tasks; partition++) {
      const id = `${subtopology}_${partition}`;
      if (!this.#channels.has(id)) this.#channels.set(id, this.#valve.addChannel());
    }
  }
}
