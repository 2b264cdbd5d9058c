import { type EvictionTime, type Evictor, evicting, placesWhere } from "./evictor.ts";
import { requireCount } from "./window_error.ts";

/** Keeps the n records that came last. (Flink: CountEvictor.) */
export const keepLast = (n: number, when: EvictionTime = {}): Evictor<unknown> => {
  requireCount("The number of records that a window keeps", n);
  return evicting(`last(${n})`, (values) => placesWhere(values.length, (place) => place < values.length - n), when);
};
