import { AsyncQueue } from "../../core/operators/async_queue.ts";
import type { Operator, OperatorContext, Push } from "../../core/operators/operator.ts";
import { partitionId } from "../../core/ports/log.ts";
import type { RecordMeta } from "../../core/record.ts";
import type { OwnDoing } from "./history.ts";

/** A record that waits for its result, or a watermark that waits behind records. */
type Waiting =
  | { readonly number: number; readonly value: unknown; readonly record: RecordMeta }
  | { readonly number: number; watermark: number };

/**
 * An asynchronous step that asks nobody: the notes tell it which result came when. It holds them against what is promised of such a step: each record has one result, in the order that was asked for, and no result passes a watermark or is passed by one.
 */
export class ReplayedAsync implements Operator {
  readonly inputs: readonly Push[] = [(value, record) => this.#waiting.push({ number: this.#queue.add(value, record), value, record })];
  readonly time: { watermark: number; readonly idle: false } = { watermark: Number.NEGATIVE_INFINITY, idle: false };
  readonly #waiting: Waiting[] = [];
  readonly #queue: AsyncQueue;
  readonly #context: OperatorContext;
  readonly #order: unknown;
  readonly #violated: (what: string) => void;

  /** @param order as the step's parameters say it */
  constructor(context: OperatorContext, order: unknown, violated: (what: string) => void) {
    this.#context = context;
    this.#order = order;
    this.#queue = new AsyncQueue(context.state);
    this.#violated = (what) => violated(`I1: asynchronous step '${context.step}' ${what}`);
  }

  /** What a former version of the program has left. */
  open(): void {
    this.time.watermark = this.#queue.passed;
    for (const [number, entry] of this.#queue.load())
      this.#waiting.push(typeof entry === "number" ? { number, watermark: entry } : { number, ...entry });
  }

  onWatermark(watermark: number): void {
    const last = this.#waiting.findLast((one) => "watermark" in one);
    if (watermark <= this.time.watermark || (last !== undefined && watermark <= last.watermark)) return;
    if (this.#waiting.length === 0) this.#pass(watermark);
    else if (last !== undefined && last === this.#waiting.at(-1)) {
      last.watermark = watermark;
      this.#queue.raiseWatermark(last.number, watermark);
    } else this.#waiting.push({ number: this.#queue.addWatermark(watermark), watermark });
  }

  /** Does what the step has done on its own. */
  did({ results, passed, leftOut }: OwnDoing): void {
    for (const [value, record] of results) this.#answer(value, record);
    if (leftOut !== undefined) this.#leaveOut(leftOut);
    if (passed === undefined) return;
    const [first] = this.#waiting;
    if (first !== undefined && "watermark" in first && first.watermark === passed) this.#remove(first);
    else this.#violated(`let time pass to ${passed}, which did not wait for its turn`);
    this.#pass(passed);
  }

  #answer(value: unknown, record: RecordMeta): void {
    const { topic, partition, offset, timestamp, key } = record;
    const mapKey = (of: unknown): unknown => this.#context.state.keys.mapKey(of ?? null);
    const at = this.#waiting.findIndex((one) => "record" in one && isAt(one.record, record) && one.record.timestamp === timestamp);
    if (at < 0)
      return this.#violated(`sent a result on for offset ${offset} of ${partitionId(topic, partition)}, which did not wait for one`);
    const before = this.#waiting.slice(0, at);
    if (before.some((one) => "watermark" in one))
      this.#violated(`sent the result for offset ${offset} of ${partitionId(topic, partition)} past a watermark`);
    const overtaken = before.some(
      (one) => "record" in one && (this.#order === "input" || (this.#order === "key" && mapKey(one.record.key) === mapKey(key))),
    );
    if (overtaken)
      this.#violated(
        `sent the result for offset ${offset} of ${partitionId(topic, partition)} before its turn in the order '${this.#order}'`,
      );
    this.#remove(this.#waiting[at]!);
    this.#context.emit(value, record);
  }

  #leaveOut(place: NonNullable<OwnDoing["leftOut"]>): void {
    const left = this.#waiting.find((one) => "record" in one && (place.topic === undefined || isAt(one.record, place)));
    if (left === undefined) this.#violated("left out a record that did not wait");
    else this.#remove(left);
  }

  #remove(one: Waiting): void {
    this.#waiting.splice(this.#waiting.indexOf(one), 1);
    this.#queue.delete(one.number);
  }

  #pass(watermark: number): void {
    this.time.watermark = watermark;
    this.#queue.passed = watermark;
  }
}

const isAt = (record: RecordMeta, place: NonNullable<OwnDoing["leftOut"]>): boolean =>
  record.topic === place.topic && record.partition === place.partition && record.offset === place.offset;
