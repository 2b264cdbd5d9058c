import type { Meta, RecordMeta } from "../record.ts";
import type { Serde } from "../serde/serde.ts";
import { valueCodec } from "../state/codecs.ts";
import { StreamTime } from "../state/stream_time.ts";
import type { TaskNumber } from "../state/task_number.ts";
import { type TimeKey, timeKey } from "../state/time_key.ts";
import type { Side, TimedRecords } from "../state/timed_records.ts";
import { type HeldChange, heldChange, heldChangeCodec, heldChangeMeta } from "./held_change.ts";
import type { OperatorContext, OperatorFactory, Push } from "./operator.ts";
import type { JoinKind } from "./table_table_join_operator.ts";

/** How two streams are joined by time. */
export interface StreamJoin {
  readonly kind: JoinKind;
  readonly joiner: (left: any, right: any, record: Meta<any>) => unknown;
  /** A right record belongs to a left one when its timestamp is not more than `beforeMs` smaller and not more than `afterMs` larger. */
  readonly beforeMs: number;
  readonly afterMs: number;
  /** For how long after its time a record still finds partners, and a record without one is held back. */
  readonly latenessMs: number;
  /** What says that nothing can come any more: the watermark, or the largest timestamp that the step has seen. */
  readonly clock: "watermark" | "stream-time";
  /** By stream time, records without a partner are looked for at most so often by the wall clock. */
  readonly everyMs: number;
  readonly serdes?: { readonly left?: Serde<any> | undefined; readonly right?: Serde<any> | undefined };
}

const left: Side = 1;
const right: Side = 0;

/**
 * Joins records of two streams that have one key and lie close enough in time. Each record is kept until none can come that belongs to it. A result carries the larger of both timestamps and the headers of the record that came later. A record
 * that finds no partner is held back, where its side may be alone, until none can come any more; so a result without partner is never taken back. It then has its own timestamp (Kafka Streams: KStreamKStreamJoin). Inputs: left, right.
 *
 * Without a key a record cannot match: where its side may be alone it goes on at once, else it is dropped and counted. So are records without a value.
 */
export const streamJoinOperator =
  (options: StreamJoin): OperatorFactory =>
  (context) => {
    const join = new StreamJoinOperation(context, options);
    return {
      inputs: [join.push(left), join.push(right)],
      ...(options.clock === "watermark" ? { onWatermark: (watermark: number) => join.passed(watermark), holds: () => join.holds } : {}),
    };
  };

class StreamJoinOperation {
  readonly #context: OperatorContext;
  readonly #options: StreamJoin;
  readonly #kept: TimedRecords<unknown>;
  /** The largest timestamp on each side: nothing can belong to what lies further back than the retention. */
  readonly #times: readonly [right: StreamTime, left: StreamTime];
  readonly #retentionMs: number;
  readonly #alone;
  readonly #time: StreamTime;
  /** Nothing that is held back is older, as far as the last look has told: before its time comes there is no use in looking again. */
  readonly #oldest: TaskNumber;
  #nextLookMs = Number.NEGATIVE_INFINITY;

  constructor(context: OperatorContext, options: StreamJoin) {
    this.#context = context;
    this.#options = options;
    const { state } = context;
    const retentionMs = options.beforeMs + options.afterMs + options.latenessMs;
    this.#retentionMs = retentionMs;
    this.#times = [new StreamTime(state, "j:right-time"), new StreamTime(state, "j:left-time")];
    this.#kept = state.timedRecords("j:records", {
      codecs: [valueCodec(options.serdes?.right), valueCodec(options.serdes?.left)],
      keptMs: [retentionMs, retentionMs],
      overAt: (side) => this.#overAt(side),
    });
    this.#alone = state.ordered<TimeKey, HeldChange>("j:alone", timeKey, heldChangeCodec);
    this.#time = new StreamTime(state);
    this.#oldest = state.number("j:oldest", Number.POSITIVE_INFINITY);
  }

  get holds(): boolean {
    return this.#alone.size > 0;
  }

  push(side: Side): Push {
    const { kind, beforeMs, afterMs, clock } = this.#options;
    const context = this.#context;
    const mayBeAlone = kind === "outer" || (kind === "left" && side === left);
    const otherMayBeAlone = kind === "outer" || (kind === "left" && side === right);
    const other = side === left ? right : left;
    const [back, ahead] = side === left ? [beforeMs, afterMs] : [afterMs, beforeMs];
    return (value, record) => {
      const { key, timestamp } = record;
      const now = this.#time.advance(timestamp);
      const keyless = key === null || key === undefined;
      if (value === null || value === undefined || (keyless && !mayBeAlone)) {
        context.count(keyless ? "dropped_null_key" : "dropped_null_value");
        return;
      }
      if (keyless) {
        this.#emit(side, value, undefined, record);
        return;
      }
      context.state.setKey(key);
      this.#times[side].advance(timestamp);
      if (timestamp > this.#overAt(side)) this.#kept.add(side, timestamp, value);
      if (clock === "stream-time" && timestamp === now) {
        this.#look(record, ahead);
        context.state.setKey(key);
      }
      const partners = this.#kept.between(other, Math.max(0, timestamp - back), timestamp + ahead);
      for (const { timestamp: at, value: partner } of partners) {
        if (otherMayBeAlone) this.#matched(other, at, key);
        this.#emit(side, value, partner, at > timestamp ? record.withTimestamp(at) : record);
        context.state.setKey(key);
      }
      if (partners.length > 0 || !mayBeAlone) return;
      const nothingMoreUpTo = clock === "stream-time" ? now : context.watermark();
      if (timestamp + ahead < nothingMoreUpTo) this.#emit(side, value, undefined, record);
      else this.#hold(side, value, record);
    };
  }

  /** Nothing with a timestamp up to the watermark comes any more. */
  passed(watermark: number): void {
    for (let first = this.#alone.first(); first !== undefined; ) {
      const [at, held] = first;
      if (at.time + this.#reach(at.rank as Side) + this.#options.latenessMs > watermark) {
        // The other side may reach less far; those few are walked over.
        for (const [other, change] of this.#alone.from(undefined, ({ time }) => time <= watermark))
          if (other.time + this.#reach(other.rank as Side) + this.#options.latenessMs <= watermark) this.#release(other, change);
        return;
      }
      this.#release(at, held);
      first = this.#alone.first();
    }
  }

  /** Records without a partner whose time is over go on, with the headers of the record that moved time. */
  #look(record: RecordMeta, ahead: number): void {
    const { latenessMs, everyMs } = this.#options;
    const { now } = this.#time;
    const oldest = this.#oldest.value;
    // With nothing held back there is nothing to find, but the look counts: the next one comes an interval later.
    if (oldest + ahead + latenessMs >= now && (oldest !== Number.POSITIVE_INFINITY || ahead + latenessMs === 0)) return;
    const nowMs = everyMs > 0 ? this.#context.processingTime() : Number.NEGATIVE_INFINITY;
    if (nowMs < this.#nextLookMs) return;
    this.#nextLookMs = nowMs + everyMs;
    this.#oldest.set(Number.POSITIVE_INFINITY);
    const open = [false, false];
    for (const [at, held] of this.#alone.from(undefined)) {
      this.#oldest.set(at.time);
      if (open[left] && open[right]) break;
      if (at.time + this.#reach(at.rank as Side) + latenessMs >= now) {
        open[at.rank] = true;
        continue;
      }
      this.#release(at, held, record);
    }
  }

  #hold(side: Side, value: unknown, record: RecordMeta): void {
    const key = this.#context.state.keys.encode(record.key).slice();
    let number = 0;
    while (this.#alone.has({ time: record.timestamp, rank: side, key, number })) number++;
    this.#alone.set({ time: record.timestamp, rank: side, key, number }, heldChange(value, record));
    if (record.timestamp < this.#oldest.value) this.#oldest.set(record.timestamp);
  }

  #matched(side: Side, time: number, of: unknown): void {
    if (this.#alone.size === 0) return;
    const key = this.#context.state.keys.encode(of).slice();
    for (let number = 0; this.#alone.has({ time, rank: side, key, number }); number++)
      this.#alone.delete({ time, rank: side, key, number });
  }

  #release(at: TimeKey, held: HeldChange, by?: RecordMeta): void {
    this.#alone.delete(at);
    const meta = by === undefined ? heldChangeMeta(held) : by.withKey(held.key).withTimestamp(held.timestamp);
    this.#emit(at.rank as Side, held.value, undefined, meta);
  }

  #overAt(side: Side): number {
    return this.#times[side].now - this.#retentionMs;
  }

  #reach(side: Side): number {
    return side === left ? this.#options.afterMs : this.#options.beforeMs;
  }

  #emit(side: Side, own: unknown, other: unknown, record: RecordMeta): void {
    const { joiner } = this.#options;
    this.#context.emit(side === left ? joiner(own, other, record) : joiner(other, own, record), record);
  }
}
