import type { Plan } from "millrace";

type Node = Plan["subtopologies"][number]["nodes"][number];

/** A selection of programs in which every kind of step occurs that occurs in one of them; smaller ones are chosen first. */
export const representatives = <T>(all: readonly T[], planOf: (one: T) => Plan, sizeOf: (one: T) => number): readonly T[] => {
  const seen = new Set<string>();
  return [...all]
    .sort((a, b) => sizeOf(a) - sizeOf(b))
    .filter((one) => {
      const before = seen.size;
      for (const { nodes } of planOf(one).subtopologies) for (const node of nodes) if (node.output === undefined) seen.add(kindOf(node));
      return seen.size > before;
    });
};

/** A kind of step, with what makes it another one: its windows, its trigger without what is in brackets, its clock. */
const kindOf = ({ kind, parameters }: Node): string => {
  const { windows, emit, clock, until, asOf } = parameters;
  return [kind, windows, String(emit).split("(")[0], clock, until, asOf].join(" ");
};

/** How many there are for each reason; those without one are in. */
export const counted = (reasons: readonly (string | undefined)[]): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const reason of reasons) counts[reason ?? "in"] = (counts[reason ?? "in"] ?? 0) + 1;
  return counts;
};
