import type { Duration } from "../core/duration.ts";
import { TopologyError } from "../core/errors.ts";
import type { StreamJoin } from "../core/operators/stream_join_operator.ts";
import type { JoinKind } from "../core/operators/table_table_join_operator.ts";

/**
 * Which records of the other stream belong to one of this: those that are not more than `before` older and not more than `after` younger. Both may be 0. In an inner join by the watermark one of them may be negative: that leads to the other side.
 */
export interface Interval {
  readonly before: Duration;
  readonly after: Duration;
  /** A record that is just so far away belongs to it no more. For inner joins by the watermark. @default neither bound is left out */
  readonly exclusive?: "before" | "after" | "both";
  /** For how long after its time is over a record still finds partners, and one without a partner waits. @default 0 */
  readonly lateness?: Duration;
  /** What says that time is over: the watermark, or the largest timestamp that the step has seen, as in Kafka Streams. @default "watermark" */
  readonly clock?: "watermark" | "stream-time";
  /** By stream time, records without a partner are looked for at most so often by the wall clock. @default each time they may be due */
  readonly every?: Duration;
}

/** The same, complete and checked. */
export const streamJoinOf = (step: string, kind: JoinKind, within: Interval, joiner: StreamJoin["joiner"]): StreamJoin => {
  const { before, after, lateness = 0, clock = "watermark", every = 0 } = within ?? {};
  for (const [name, value] of Object.entries({ before, after, lateness, every }))
    if (!(typeof value === "number" && value >= 0))
      throw new TopologyError(
        "OPTION_INVALID",
        `Step '${step}' joins two streams, and its option ${name} is ${String(value)}: give a duration that is not negative, such as minutes(1)`,
        { step },
      );
  if (within?.exclusive !== undefined)
    throw new TopologyError(
      "OPTION_INVALID",
      `Step '${step}' cannot leave out a bound of its interval: only an inner join by the watermark can, so make the interval a millisecond shorter`,
      { step },
    );
  if (typeof joiner !== "function")
    throw new TopologyError(
      "TOPOLOGY_INVALID",
      `Step '${step}' joins two streams and has no function that makes a result of them: give it last`,
      { step },
    );
  return { kind, joiner, beforeMs: before, afterMs: after, latenessMs: lateness, clock, everyMs: every };
};
