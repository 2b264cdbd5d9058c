/**
 * The smallest selection that still fails, as far as leaving out parts of it can tell: delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002), first in halves, then in ever smaller parts.
 *
 * @param triesMax so many selections are tried at most
 */
export const shrink = async <T>(
  all: readonly T[],
  fails: (selection: readonly T[]) => Promise<boolean>,
  triesMax: number = Number.POSITIVE_INFINITY,
): Promise<readonly T[]> => {
  let tries = 0;
  let left = all;
  for (let parts = 2; left.length > 0; ) {
    const size = Math.ceil(left.length / parts);
    let smaller: readonly T[] | undefined;
    for (let from = 0; from < left.length && smaller === undefined && tries < triesMax; from += size) {
      const without = [...left.slice(0, from), ...left.slice(from + size)];
      tries++;
      if (await fails(without)) smaller = without;
    }
    if (smaller !== undefined) {
      left = smaller;
      parts = Math.max(2, parts - 1);
    } else if (size === 1 || tries >= triesMax) break;
    else parts = Math.min(left.length, parts * 2);
  }
  return left;
};
