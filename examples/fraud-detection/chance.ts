import { seededRandom } from "../../core/time_source/seeded_random.ts";

/** Seeded chance: equal seeds give equal draws, everywhere and always. */
export interface Chance {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform among the whole numbers from `low` to `high`, both included. */
  between(low: number, high: number): number;
  /** True with the given probability. */
  happens(probability: number): boolean;
  /** One of the values; there must be at least one. */
  oneOf<T>(values: readonly T[]): T;
}

/** What the library's seeded generator gives, in the words of made-up data. */
export const chance = (seed: number): Chance => {
  const { next } = seededRandom(seed);
  const between = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    between,
    happens: (probability) => next() < probability,
    oneOf: (values) => values[between(0, values.length - 1)]!,
  };
};
