import type { Random } from "../ports/random.ts";

/**
 * Chance that repeats: the same seed gives the same numbers in every runtime. The generator is sfc32, the 32-bit member of Chris Doty-Humphrey's
 * "small fast chaotic" family from PractRand; the seed is spread over its state by its own first rounds, as he recommends.
 *
 * @param seed any number; only its lowest 53 bits count
 */
export const seededRandom = (seed: number): Random => {
  let a = 0;
  let b = seed | 0;
  let c = Math.floor(seed / 2 ** 32) | 0;
  let counter = 1;
  const next32 = (): number => {
    const out = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + out) | 0;
    return out >>> 0;
  };
  for (let round = 0; round < 15; round++) next32();
  const hex = (digits: number): string => next32().toString(16).padStart(8, "0").slice(0, digits);
  return {
    next: () => next32() / 2 ** 32,
    uuid: () => {
      const variant = ((next32() & 0x3) | 0x8).toString(16);
      return `${hex(8)}-${hex(4)}-4${hex(3)}-${variant}${hex(3)}-${hex(8)}${hex(4)}`;
    },
  };
};
