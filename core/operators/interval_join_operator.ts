import { StepError } from "../errors.ts";
import type { Meta, RecordMeta } from "../record.ts";
import { valueCodec } from "../state/codecs.ts";
import { pairSubKey, type SubKey } from "../state/sub_key.ts";
import { type KeyOptions, keyed } from "./keyed.ts";
import type { OperatorFactory, Push } from "./operator.ts";
import { TimedEntries } from "./timed_entries.ts";

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
 *
 * What is kept lies in slices of time as long as the interval, so that a record looks through two of them at most, and never at all that its key has.
 */
export const intervalJoinOperator =
  <L, R, Q>({ lower, upper, latenessMs, joiner }: IntervalJoin<L, R, Q>, options: KeyOptions = {}): OperatorFactory =>
  (context) => {
    const { state, emit, step } = context;
    state.useNamespaces(sideAndSlice);
    const kept = new TimedEntries<{}>(state, "j:kept", valueCodec<{}>(), { namespaced: true });
    const width = upper - lower;
    const slice = (timestamp: number): number => (Number.isFinite(width) ? Math.floor(timestamp / Math.max(1, width)) : 0);

    // Of a record's partner the timestamp is at least `from` and at most `to` larger than its own.
    const left: Side = { number: 0, from: lower, to: upper, late: context.side("lateLeft") };
    const right: Side = { number: 1, from: -upper, to: -lower, late: context.side("lateRight") };

    /** For how long after its own timestamp a record is kept; one that can only have older partners goes when time has come to it. */
    const keptFor = ({ to }: Side): number => Math.max(0, to) + latenessMs;
    const currentSide = (): Side => ((state.namespace as readonly [number, number])[0] === left.number ? left : right);
    const forget = (timestamp: number): void => void kept.take(timestamp - keptFor(currentSide()));
    const timers = context.eventTimers(forget, {
      namespaced: true,
      leftOut: forget,
      // What is kept says when it is to go.
      restore: (set) => kept.forEachStored((timestamp) => setTimer(timestamp, currentSide(), set)),
    });
    /** What may have partners for ever is kept for ever. */
    const setTimer = (timestamp: number, side: Side, set: (timestamp: number) => void): void => {
      if (keptFor(side) !== Number.POSITIVE_INFINITY) set(timestamp + keptFor(side));
    };
    const setNew = (timestamp: number): void => void timers.set(timestamp);

    const join = (value: unknown, record: RecordMeta, own: Side, other: Side): void => {
      const from = record.timestamp + own.from;
      const to = record.timestamp + own.to;
      for (let at = slice(from); at <= slice(to); at++) {
        state.setNamespace([other.number, at]);
        for (const [[timestamp], entry] of kept.entries()) {
          if (timestamp < from || timestamp > to) continue;
          const joined = timestamp > record.timestamp ? record.withTimestamp(timestamp) : record;
          const result = own === left ? joiner(value as L, entry as R, joined) : joiner(entry as L, value as R, joined);
          emit(result, joined);
        }
      }
    };

    const input = (own: Side, other: Side): Push =>
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
        state.setNamespace([own.number, slice(timestamp)]);
        kept.add(timestamp, value);
        setTimer(timestamp, own, setNew);
        join(value, record, own, other);
      });
    return { inputs: [input(left, right), input(right, left)] };
  };

/** A slice of one side. A number finds it faster than a text would. */
const sideAndSlice: SubKey<readonly [side: number, slice: number]> = { ...pairSubKey, mapKey: ([side, slice]) => 2 * slice + side };

interface Side {
  /** Tells the two sides apart in the state. */
  readonly number: 0 | 1;
  readonly from: number;
  readonly to: number;
  readonly late: Push;
}
