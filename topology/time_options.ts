import type { Duration } from "../core/duration.ts";
import { TopologyError } from "../core/errors.ts";
import type { Meta } from "../core/record.ts";
import type { TimePlan } from "../core/runtime/plan.ts";
import { monotonic, type WatermarkStrategy } from "../core/time/watermark_strategy.ts";

/** Where event time comes from, and when it goes on. */
export interface TimeOptions<V, K = unknown> {
  /** Milliseconds since 1970. `partitionTime` is the largest timestamp of the partition so far. @default the record's own timestamp */
  readonly timestamp?: (value: V, record: Meta<K> & { readonly partitionTime: number }) => number;
  /** How far behind the records event time is. @default monotonic() */
  readonly watermarks?: WatermarkStrategy<V>;
  /** A partition that has had nothing new for so long, and whose end is reached, no longer holds event time back. @default never */
  readonly idleness?: Duration;
  /** When all partitions are idle event time goes on with the clock. @default false */
  readonly advanceWhenIdle?: boolean;
  /** Inputs of one group wait for each other when one is further ahead in event time than this. */
  readonly alignment?: { readonly group: string; readonly maxDrift: Duration };
  /**
   * A timestamp further ahead of the clock than this is an error of the record, for `onError` to decide: one clock that is wrong must not close every window.
   *
   * @default one hour; none in a bounded run
   */
  readonly maxFuture?: Duration;
}

/** The same, complete and checked. */
export const timeOf = ({
  timestamp,
  watermarks = monotonic(),
  idleness,
  advanceWhenIdle = false,
  alignment,
  maxFuture,
}: TimeOptions<any, any>): TimePlan => {
  for (const [name, duration] of Object.entries({ idleness, "alignment.maxDrift": alignment?.maxDrift, maxFuture }))
    if (duration !== undefined && !(duration >= 0))
      throw new TopologyError(
        "OPTION_INVALID",
        `The option ${name} is ${duration} ms: give a duration that is not negative, such as minutes(1)`,
      );
  return {
    timestamp,
    watermarks,
    idlenessMs: idleness,
    advanceWhenIdle,
    alignment: alignment === undefined ? undefined : { group: alignment.group, maxDriftMs: alignment.maxDrift },
    maxFutureMs: maxFuture,
  };
};
