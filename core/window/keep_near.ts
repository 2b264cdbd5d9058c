import { type EvictionTime, type Evictor, evicting, placesWhere } from "./evictor.ts";
import { windowError } from "./window_error.ts";

/** Keeps the records that differ by less than the threshold from the one that came last. (Flink: DeltaEvictor.) */
export const keepNear = <V>(threshold: number, delta: (value: V, last: V) => number, when: EvictionTime = {}): Evictor<V> => {
  if (Number.isNaN(threshold)) throw windowError("The threshold of keepNear is NaN: give a number");
  return evicting(
    `near(${threshold})`,
    (values: readonly V[]) => {
      const last = values[values.length - 1]!;
      return placesWhere(values.length, (place) => delta(values[place]!, last) >= threshold);
    },
    when,
  );
};
