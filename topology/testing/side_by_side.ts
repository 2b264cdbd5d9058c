/** One line of two lists side by side: what stands in both, or only in the list that was expected, or only in the one that came. */
export type Aligned<E, R> =
  | { readonly kind: "both"; readonly received: R }
  | { readonly kind: "missing"; readonly expected: E }
  | { readonly kind: "extra"; readonly received: R };

/** Puts two lists side by side so that as many as possible stand in both, in their order: by their longest common subsequence. */
export const inOrder = <E, R>(
  expected: readonly E[],
  received: readonly R[],
  fits: (expected: E, received: R) => boolean,
): readonly Aligned<E, R>[] => {
  const width = received.length + 1;
  // How many can stand in both from here to the ends of the lists.
  const longest = new Uint32Array((expected.length + 1) * width);
  const fit = expected.map((one) => received.map((other) => fits(one, other)));
  for (let e = expected.length - 1; e >= 0; e--)
    for (let r = received.length - 1; r >= 0; r--)
      longest[e * width + r] = fit[e]![r]!
        ? longest[(e + 1) * width + r + 1]! + 1
        : Math.max(longest[(e + 1) * width + r]!, longest[e * width + r + 1]!);
  const lines: Aligned<E, R>[] = [];
  let [e, r] = [0, 0];
  while (e < expected.length || r < received.length)
    if (e < expected.length && r < received.length && fit[e]![r]!) {
      lines.push({ kind: "both", received: received[r++]! });
      e++;
    } else if (e < expected.length && (r === received.length || longest[(e + 1) * width + r]! >= longest[e * width + r + 1]!))
      lines.push({ kind: "missing", expected: expected[e++]! });
    else lines.push({ kind: "extra", received: received[r++]! });
  return lines;
};

/** Gives each of the expected another one that fits, whatever the order, to as many as possible: a matching of greatest size, by augmenting paths. */
export const inAnyOrder = <E, R>(
  expected: readonly E[],
  received: readonly R[],
  fits: (expected: E, received: R) => boolean,
): readonly Aligned<E, R>[] => {
  const takenBy = new Map<number, number>();
  const fit = expected.map((one) => received.map((other) => fits(one, other)));
  const place = (e: number, tried: Set<number>): boolean =>
    received.some((_, r) => {
      if (!fit[e]![r]! || tried.has(r)) return false;
      tried.add(r);
      const other = takenBy.get(r);
      if (other !== undefined && !place(other, tried)) return false;
      takenBy.set(r, e);
      return true;
    });
  const missing = expected.filter((_, e) => !place(e, new Set()));
  return [
    ...received.map((one, r): Aligned<E, R> => ({ kind: takenBy.has(r) ? "both" : "extra", received: one })),
    ...missing.map((one): Aligned<E, R> => ({ kind: "missing", expected: one })),
  ];
};
