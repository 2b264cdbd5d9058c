import type { Outcome, Output } from "./vector.ts";

/** The first thing that is not as it should be. */
export interface Difference {
  /** `out`, `late`, `watermarks`, ... */
  readonly list: string;
  readonly step: number;
  readonly expected: unknown;
  readonly actual: unknown;
}

/** By which outputs belong together: within a group the order counts, or nothing but what there is (`Multiset`). */
const groupings: Readonly<Record<string, (output: Output) => readonly unknown[]>> = {
  total: () => [],
  perKey: ({ step, value }) => [step, field(value, "key")],
  perKeyAndWindow: ({ step, timestamp, value }) => [step, field(value, "key"), field(value, "start"), field(value, "end"), timestamp],
  perKeyTimestampMultiset: ({ step, timestamp, value }) => [step, field(value, "key"), timestamp],
  perStepMultiset: ({ step }) => [step],
};

const outputLists = ["out", "late", "lateRight", "timeouts", "side"] as const;

/** What differs, the earliest step first; nothing when the outcome is as expected, as far as the ordering says that something is defined. */
export const differences = (ordering: string, expected: Outcome, actual: Outcome): readonly Difference[] => {
  const found: Difference[] = [];
  if (expected.error?.step !== actual.error?.step) {
    const step = expected.error?.step ?? actual.error!.step;
    found.push({ list: "error", step, expected: expected.error, actual: actual.error });
  }
  for (const list of outputLists) found.push(...outputDifferences(ordering, list, expected[list] ?? [], actual[list] ?? []));
  if (expected.watermarks !== undefined) {
    const [should, are] = [expected.watermarks, actual.watermarks ?? []];
    for (let i = 0; i < Math.max(should.length, are.length); i++)
      if (canonical(should[i]) !== canonical(are[i]))
        found.push({ list: "watermarks", step: (should[i] ?? are[i])!.step, expected: should[i], actual: are[i] });
  }
  return found.sort((a, b) => a.step - b.step);
};

const outputDifferences = (
  ordering: string,
  list: string,
  expected: readonly Output[],
  actual: readonly Output[],
): readonly Difference[] => {
  const grouping = groupings[ordering];
  if (grouping === undefined) throw new Error(`Unknown ordering '${ordering}': there are ${Object.keys(groupings).join(", ")}`);
  const found: Difference[] = [];
  const [should, are] = [expected, actual].map((outputs) => grouped(outputs, grouping, ordering.endsWith("Multiset")));
  for (const group of new Set([...should!.keys(), ...are!.keys()])) {
    const [theirs, ours] = [should!.get(group) ?? [], are!.get(group) ?? []];
    for (let i = 0; i < Math.max(theirs.length, ours.length); i++)
      if (theirs[i]?.text !== ours[i]?.text)
        found.push({ list, step: (theirs[i] ?? ours[i])!.output.step, expected: theirs[i]?.output, actual: ours[i]?.output });
  }
  return found;
};

interface Compared {
  readonly text: string;
  readonly output: Output;
}

const grouped = (
  outputs: readonly Output[],
  grouping: (output: Output) => readonly unknown[],
  sorted: boolean,
): ReadonlyMap<string, readonly Compared[]> => {
  const groups = new Map<string, Compared[]>();
  for (const { step, timestamp, value } of outputs) {
    const output = { step, timestamp, value };
    const group = canonical(grouping(output));
    let members = groups.get(group);
    if (members === undefined) groups.set(group, (members = []));
    members.push({ text: canonical(output), output });
  }
  if (sorted) for (const members of groups.values()) members.sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));
  return groups;
};

const field = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>)[name] : undefined;

/** Equal for equal values, whatever the order of their fields. Numbers are doubles here as there. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_name, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  ) ?? "undefined";
