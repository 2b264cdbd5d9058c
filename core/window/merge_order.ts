import type { Window } from "./window.ts";

/**
 * In which order the contents of windows that become one follow each other: as in Flink, so that a program which depends on it (a list, a
 * concatenation) gives the same here. There the windows go through a java.util.HashSet, the new one included; so they come in the order of their hash
 * values' lowest bits, and those which agree in these by their start.
 * @param windows those that were there already; the new one has no contents yet.
 */
export const inMergeOrder = <W extends Window>(windows: readonly W[]): readonly W[] => {
  if (windows.length < 2) return windows;
  // A table of 16 places is doubled when it is more than three quarters full.
  let places = 16;
  while (windows.length + 1 > places * 0.75) places *= 2;
  return windows
    .map((window) => ({ window, place: hash(window) & (places - 1) }))
    .sort((a, b) => a.place - b.place || a.window.start - b.window.start)
    .map(({ window }) => window);
};

const mask = (1n << 64n) - 1n;

/** Flink's MathUtils.longToIntWithBitMixing (the finalizer of SplitMix64) of start plus end, with its upper half folded in as java.util.HashMap does. */
const hash = ({ start, end }: Window): number => {
  let bits = BigInt.asUintN(64, BigInt(start) + BigInt(end));
  bits = ((bits ^ (bits >> 30n)) * 0xbf58476d1ce4e5b9n) & mask;
  bits = ((bits ^ (bits >> 27n)) * 0x94d049bb133111ebn) & mask;
  const mixed = Number(BigInt.asIntN(32, bits ^ (bits >> 31n)));
  return mixed ^ (mixed >>> 16);
};
