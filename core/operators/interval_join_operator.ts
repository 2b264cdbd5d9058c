import { StepError } from "../errors.ts";
import type { Meta, RecordMeta } from "../record.ts";
import { valueCodec } from "../state/codecs.ts";
import type { Side } from "../state/timed_records.ts";
import { type KeyOptions, keyed } from "./keyed.ts";
import type { OperatorFactory, Push } from "./operator.ts";

/** Which pairs are joined: those whose right timestamp minus the left one is at least `lower` and at most `upper`. */
export interface IntervalJoin<L, R, Q> {
  readonly lower: number;
  readonly upper: number;
  /** For how long behind the watermark a record is still joined. */
  readonly latenessMs: number;
  readonly joiner: (left: L, right: R, record: Meta<any>) => Q;
}

/**
 * Joins records of two streams that have one key and are close in time. Both sides are kept for as long as a partner may come that is not late: behind the watermark. A result has the key, the larger of the two timestamps, and the headers of the
 * record that came last. What is further behind the watermark than the lateness is joined with nothing: it is counted, and goes to the side outputs "lateLeft" and "lateRight" (Flink: IntervalJoinOperator). Records without a key or a value are dropped and counted. Inputs: left, right.
 */
export const intervalJoinOperator =
  <L, R, Q>({ lower, upper, latenessMs, joiner }: IntervalJoin<L, R, Q>, options: KeyOptions = {}): OperatorFactory =>
  (context) => {
    const { state, emit, step } = context;
    // Of a record's partner the timestamp is at least `from` and at most `to` larger than its own.
    const left: Input = { side: 0, from: lower, to: upper, late: context.side("lateLeft") };
    const right: Input = { side: 1, from: -upper, to: -lower, late: context.side("lateRight") };

    /** For how long after its own timestamp a record is kept; one that can only have older partners goes when time has come to it. What may have partners for ever is kept for ever. */
    const keptFor = ({ to }: Input): number => Math.max(0, to) + latenessMs;
    const keptMs: readonly [number, number] = [keptFor(left), keptFor(right)];
    const over: [number, number] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
    const values = valueCodec<unknown>();
    const kept = state.timedRecords("j:records", { codecs: [values, values], keptMs, overAt: (side) => over[side] });

    const join = (value: unknown, record: RecordMeta, own: Input, other: Input): void => {
      const { timestamp } = record;
      for (const partner of kept.between(other.side, timestamp + own.from, timestamp + own.to)) {
        const joined = partner.timestamp > timestamp ? record.withTimestamp(partner.timestamp) : record;
        emit(own === left ? joiner(value as L, partner.value as R, joined) : joiner(partner.value as L, value as R, joined), joined);
      }
    };

    const input = (own: Input, other: Input): Push =>
      keyed(context, options, (value, record) => {
        const { timestamp } = record;
        if (value === null || value === undefined) {
          context.count("dropped_null_value");
          return;
        }
        if (!Number.isFinite(timestamp))
          throw new StepError(`Step '${step}' cannot join a record without a timestamp: give its source a \`timestamp\``, { step, value });
        if (timestamp + latenessMs < context.watermark()) {
          context.count("late_records");
          own.late(value, record);
          return;
        }
        kept.add(own.side, timestamp, value);
        join(value, record, own, other);
      });
    return {
      inputs: [input(left, right), input(right, left)],
      onWatermark: (watermark) => {
        for (const { side } of [left, right])
          if (keptMs[side] !== Number.POSITIVE_INFINITY) over[side] = Math.max(over[side], watermark - keptMs[side]);
        kept.timePassed();
      },
      holds: () => kept.isWaiting,
    };
  };

interface Input {
  readonly side: Side;
  readonly from: number;
  readonly to: number;
  readonly late: Push;
}
