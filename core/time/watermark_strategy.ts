import type { Duration } from "../duration.ts";

/** Follows one source partition and says how far event time has come there. */
export interface WatermarkGenerator<in V> {
  /** Called for each record with its timestamp; a returned number is a new watermark at once. */
  onRecord?(value: V, timestamp: number): number | undefined;
  /** Called once per watermark period; the number is the new watermark. A smaller one than before has no effect. */
  onPeriod?(): number | undefined;
}

/** Makes a generator for each source partition. */
export interface WatermarkStrategy<in V> {
  readonly name: string;
  make(): WatermarkGenerator<V>;
}

/**
 * Records may be behind the largest timestamp seen by at most this much. The watermark is that timestamp minus the bound minus one millisecond, since a watermark says that no record with its own timestamp is to
 * come any more (Flink: BoundedOutOfOrdernessWatermarks).
 */
export const boundedOutOfOrderness = (bound: Duration): WatermarkStrategy<unknown> => {
  if (!Number.isFinite(bound) || bound < 0)
    throw new RangeError(`The bound of out-of-orderness is ${bound}: give a duration that is not negative, such as seconds(10)`);
  return {
    name: `bounded-out-of-orderness(${bound})`,
    make: () => {
      let largest = Number.NEGATIVE_INFINITY;
      return {
        onRecord: (_value, timestamp) => {
          if (timestamp > largest) largest = timestamp;
          return undefined;
        },
        onPeriod: () => (largest === Number.NEGATIVE_INFINITY ? undefined : largest - bound - 1),
      };
    },
  };
};

/** Timestamps never fall within a partition: the watermark is the largest one minus a millisecond. */
export const monotonic = (): WatermarkStrategy<unknown> => ({ ...boundedOutOfOrderness(0 as Duration), name: "monotonic" });

/** Event time never moves: for what only uses processing time, or no time at all. */
export const noWatermarks = (): WatermarkStrategy<unknown> => ({ name: "none", make: () => ({}) });

/** A generator of one's own: punctuated (`onRecord` returns a watermark), periodic (`onPeriod` does), or both. */
export const watermarks = <V>(make: () => WatermarkGenerator<V>): WatermarkStrategy<V> => ({ name: "custom", make });
