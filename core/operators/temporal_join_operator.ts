import type { Meta, RecordMeta } from "../record.ts";
import type { Serde } from "../serde/serde.ts";
import { Arrivals } from "../state/arrivals.ts";
import { valueCodec } from "../state/codecs.ts";
import { held, heldMeta, heldRecordCodec } from "./held_record.ts";
import type { OperatorFactory } from "./operator.ts";
import { Versions } from "./versions.ts";

/** How a stream is joined with a table as it was at the time of each record. */
export interface TemporalJoin<L, R, Q> {
  /** A record that finds no version is joined with undefined, instead of being left out. */
  readonly left: boolean;
  readonly joiner: (left: L, right: R, record: Meta<any>) => Q;
  /** For how long behind the watermark late records still find their version; Infinity: nothing is forgotten. */
  readonly historyMs: number;
  /** How waiting records are written. @default self-describing */
  readonly leftSerde?: Serde<L> | undefined;
  /** How versions are written. @default self-describing */
  readonly rightSerde?: Serde<R> | undefined;
}

/**
 * Joins each record with the version of its key that held at the record's own timestamp: the newest that began no later. A record waits until the watermark of both inputs has come to its timestamp, for then every version that can concern
 * it has arrived; a record behind the watermark is joined at once with what is known. Records of one key leave in the order of their timestamps, equal ones as they came, with their key, timestamp and headers
 * (Flink: event-time temporal table join). Inputs: records; changes of the table, whose timestamps say when they begin to hold, null meaning that there is nothing from then on.
 *
 * A record without key cannot match: an inner join drops and counts it, a left join lets it through at once.
 */
export const temporalJoinOperator =
  <L, R, Q>({ left, joiner, historyMs, leftSerde, rightSerde }: TemporalJoin<L, R | undefined, Q>): OperatorFactory =>
  (context) => {
    const { state, emit } = context;
    const waiting = new Arrivals(state, "t:waiting", heldRecordCodec(valueCodec<L>(leftSerde)));
    const versions = new Versions(state, "t:versions", valueCodec(rightSerde), historyMs);

    const join = (value: unknown, right: R | undefined, record: RecordMeta): void => {
      if (right !== undefined || left) emit(joiner(value as L, right, record), record);
    };
    const onTime = (timestamp: number): void => {
      const { key } = state;
      const right = versions.at(timestamp);
      for (const record of waiting.take(timestamp)) join(record.value, right, heldMeta(record, key, timestamp));
    };
    const timers = context.eventTimers(onTime, { leftOut: (timestamp) => void waiting.take(timestamp) });

    const onRecord = (value: unknown, record: RecordMeta): void => {
      const { key, timestamp } = record;
      if (key === null || key === undefined) {
        if (left) join(value, undefined, record);
        else context.count("dropped_null_key");
        return;
      }
      state.setKey(key);
      const watermark = context.watermark();
      if (timestamp <= watermark) {
        join(value, versions.atLate(timestamp, watermark), record);
        return;
      }
      waiting.add(timestamp, held(value as L, record), timers.set(timestamp));
    };

    const onChange = (value: unknown, { key, timestamp }: RecordMeta): void => {
      if (key === null || key === undefined) {
        context.count("dropped_null_key");
        return;
      }
      state.setKey(key);
      versions.put(timestamp, (value as R | undefined) ?? null);
    };

    const onCommit = (): void => {
      const watermark = context.watermark();
      // Until the timers have caught up with the watermark, old versions are still asked for.
      if (timers.next() <= watermark) return;
      versions.forget(watermark);
    };
    return { inputs: [onRecord, onChange], onCommit };
  };
