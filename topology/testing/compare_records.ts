import type { ShownRecord } from "./evidence.ts";
import type { World } from "./world.ts";

const sampleMax = 3;

/**
 * The records that are there have to be those that the tasks have written when they do everything again, each once, and those of one task, partition and key in its order.
 *
 * @param expected by the task that has written them, in its order
 * @param mayLack nobody came so far as to find all of them
 */
export const compareRecords = (
  world: World,
  where: string,
  expected: ReadonlyMap<string, readonly ShownRecord[]>,
  found: readonly ShownRecord[],
  { mayLack = false }: { readonly mayLack?: boolean } = {},
): void => {
  const wanted = [...expected.values()].flat();
  // What was stamped with the moment of writing is known by key and value only.
  const timeless = wanted.some(({ timestamp }) => timestamp === -1);
  const placeless = wanted.some(({ partition }) => partition === -1);
  const show = ({ partition, key, value, timestamp }: ShownRecord): string =>
    `${key} = ${value}${timeless ? "" : ` at ${timestamp}`}${placeless ? "" : ` in partition ${partition}`}`;
  const counts = new Map<string, number>();
  for (const one of wanted) counts.set(show(one), (counts.get(show(one)) ?? 0) + 1);
  for (const one of found) counts.set(show(one), (counts.get(show(one)) ?? 0) - 1);
  const missing = mayLack ? [] : [...counts].filter(([, n]) => n > 0);
  const surplus = [...counts].filter(([, n]) => n < 0);
  const sample = (list: readonly (readonly [string, number])[]): string =>
    list
      .slice(0, sampleMax)
      .map(([record]) => `'${record}'`)
      .join(", ");
  if (missing.length > 0) world.violated(`I1: ${where} lacks ${missing.length} of ${wanted.length} records: ${sample(missing)}`);
  if (surplus.length > 0) world.violated(`I1: ${where} holds ${surplus.length} records too many, of ${found.length}: ${sample(surplus)}`);
  // In turn over all partitions there is no order to keep.
  if (missing.length > 0 || surplus.length > 0 || placeless || mayLack) return;
  const order = byKey(found);
  for (const [task, records] of expected)
    for (const [place, values] of byKey(records))
      if (!isWithin(values, order.get(place) ?? []))
        world.violated(
          `I1: ${where} does not hold the records of task ${task} in partition and with key ${place} in the order in which they were written`,
        );
};

const byKey = (records: readonly ShownRecord[]): ReadonlyMap<string, readonly string[]> => {
  const keys = new Map<string, string[]>();
  for (const { partition, key, value } of records) {
    const place = `${partition} ${key}`;
    const values = keys.get(place) ?? [];
    keys.set(place, values);
    values.push(value);
  }
  return keys;
};

/** In the same order, perhaps with others in between. */
const isWithin = (part: readonly string[], whole: readonly string[]): boolean => {
  let at = 0;
  for (const one of whole) if (one === part[at]) at++;
  return at === part.length;
};
