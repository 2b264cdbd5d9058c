import { canonical, type Json } from "./expression.ts";
import type { KafkaStreamsOutcome, KafkaStreamsVector, StoreOfVector } from "./vector.ts";

/** Where an outcome is not as it should be, in words; nothing when it is. */
export const differencesOfKafkaStreams = (vector: KafkaStreamsVector, got: KafkaStreamsOutcome): readonly string[] => {
  // What the engine itself calls a fault of its own is no example to follow.
  const until = vector.description?.startsWith("ENGINE BUG") === true ? vector.error!.i : Number.POSITIVE_INFINITY;
  const before = <T extends { readonly i: number }>(list: readonly T[]): readonly T[] => list.filter(({ i }) => i < until);
  const found: string[] = [];
  const topics = new Set([...Object.keys(vector.expected), ...Object.keys(got.expected)]);
  for (const topic of topics)
    found.push(...listDifferences(`topic '${topic}'`, before(vector.expected[topic] ?? []), before(got.expected[topic] ?? [])));
  if (until < Number.POSITIVE_INFINITY) return found;
  if (vector.error?.i !== got.error?.i)
    found.push(
      `the run ${ending(got)}, and should have ${vector.error === undefined ? "come to its end" : `failed at input ${vector.error.i}`}`,
    );
  for (const [log, expected] of Object.entries(vector.peeks ?? {}))
    found.push(...listDifferences(`log '${log}'`, expected, got.peeks?.[log] ?? []));
  for (const [name, expected] of Object.entries(vector.stores ?? {}))
    found.push(...listDifferences(`store '${name}'`, entriesOf(expected, expected), entriesOf(got.stores![name]!, expected)));
  for (const [name, expected] of Object.entries(vector.changelogs ?? {}))
    found.push(...listDifferences(`changelog of '${name}'`, expected, got.changelogs![name]!));
  found.push(...listDifferences("answers of stores", vector.storeQueries ?? [], got.storeQueries ?? []));
  if (vector.metrics !== undefined && vector.metrics.droppedRecords !== got.metrics!.droppedRecords)
    found.push(`dropped records: expected ${vector.metrics.droppedRecords}, got ${got.metrics!.droppedRecords}`);
  return found;
};

const ending = ({ error }: KafkaStreamsOutcome): string =>
  error === undefined ? "came to its end" : `failed at input ${error.i} (${error.rootMessage})`;

/** A store is compared as a set: its order is that of bytes, which each engine chooses for itself. Timestamps count where the scenario tells them. */
const entriesOf = ({ entries }: StoreOfVector, expected: StoreOfVector): readonly Json[] => {
  const timed = expected.entries.some(({ timestamp }) => timestamp !== undefined);
  return entries
    .map(({ timestamp, ...rest }) => (timed ? { ...rest, timestamp } : rest))
    .sort((a, b) => (canonical(a) < canonical(b) ? -1 : 1));
};

const listDifferences = (where: string, expected: readonly Json[], got: readonly Json[]): readonly string[] => {
  for (let at = 0; at < Math.max(expected.length, got.length); at++) {
    const [a, b] = [expected[at], got[at]].map((each) => (each === undefined ? "nothing" : canonical(each)));
    if (a !== b) return [`${where} differs at ${at}: expected ${a}, got ${b}`];
  }
  return [];
};
