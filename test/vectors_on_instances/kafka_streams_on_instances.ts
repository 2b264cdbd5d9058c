import { bytes } from "millrace";
import { partitionForKey } from "../../core/partitioner.ts";
import { partitionId } from "../../core/ports/log.ts";
import { type AppWorld, type Instance, total } from "../app_scenarios/app_world.ts";
import { type Built, build } from "../conformance/kafka_streams_jobs/build.ts";
import { canonical } from "../conformance/kafka_streams_jobs/expression.ts";
import { held } from "../conformance/kafka_streams_jobs/held.ts";
import { bytesOf, interpretKafkaStreams } from "../conformance/kafka_streams_jobs/interpret.ts";
import type { InputOfVector, Json, KafkaStreamsOutcome, KafkaStreamsVector } from "../conformance/kafka_streams_jobs/vector.ts";
import { shownWindow } from "../conformance/kafka_streams_jobs/windows.ts";
import { oneByOne, type Reference } from "./kafka_streams_rule.ts";

const partitions = 3;

/**
 * Runs the program of a scenario of Kafka Streams with several instances, writes its input from three partitions by key, and compares what comes out for each key, and what the stores of all instances hold together, with the expectation.
 *
 * @returns what differs, in words
 */
export const kafkaStreamsOnInstances = async (
  world: AppWorld,
  recorded: KafkaStreamsVector,
  reference: Reference,
  instances = 2,
): Promise<readonly string[]> => {
  const expected = reference === "recorded" ? [recorded] : byPartition(recorded);
  const vector = withOwnTopics(recorded, world.unique);
  const built = build(vector);
  const applicationId = world.unique(vector.name);
  const inputTopics = new Set(
    built.program.plan().subtopologies.flatMap(({ inputs }) => inputs.flatMap(({ topic }) => (topic.internal ? [] : [topic.name]))),
  );
  for (const name of new Set([...inputTopics, ...vector.inputs.map(({ topic }) => topic!), ...built.outputs.keys()]))
    await world.create(name, partitions);
  const apps: Instance[] = [];
  for (let i = 0; i < instances; i++) apps.push(await world.start(built.program, { applicationId }));
  await world.until("every instance has some of the tasks", () =>
    apps.every((app) => app.state === "running" && total(app, "tasks") > 0) ? true : undefined,
  );
  for (const phase of phases(vector)) {
    const [{ topic }] = phase as [InputOfVector];
    await world.produce(
      { name: topic!, key: bytes, value: bytes },
      phase.map((input) => ({ ...bytesOf(input), timestamp: input.timestamp! })),
    );
    await world.until("all input is taken", () => taken(world, built, applicationId));
  }
  const found = [...(await outputDifferences(world, built, vector.own, expected)), ...storeDifferences(apps, built, expected)];
  for (const app of apps) await world.settled(app.close());
  return found;
};

/** One driver for each partition, as if it had a broker of its own. */
const byPartition = (vector: KafkaStreamsVector): readonly KafkaStreamsOutcome[] =>
  Array.from({ length: partitions }, (_, partition) => {
    const inputs = vector.inputs.filter((input) => {
      const { key } = bytesOf(input);
      return (key === null ? 0 : partitionForKey(key, partitions)) === partition;
    });
    return interpretKafkaStreams({ ...vector, inputs });
  });

/** The same scenario with topics that nobody else has. */
const withOwnTopics = (
  vector: KafkaStreamsVector,
  unique: (name: string) => string,
): KafkaStreamsVector & { readonly own: ReadonlyMap<string, string> } => {
  const own = new Map<string, string>();
  const renamed = (name: string): string => {
    if (!own.has(name)) own.set(name, unique(name));
    return own.get(name)!;
  };
  const topology = vector.topology.map((step) => ({
    ...step,
    ...(step["topic"] === undefined ? {} : { topic: renamed(step["topic"]) }),
    ...(step["topics"] === undefined ? {} : { topics: step["topics"].map(renamed) }),
  }));
  return { ...vector, topology, inputs: vector.inputs.map((input) => ({ ...input, topic: renamed(input.topic!) })), own };
};

/** The input in parts, each of which is taken before the next one is written, as their order counts: within one topic that of a key is kept. */
export const phases = (vector: KafkaStreamsVector): readonly (readonly InputOfVector[])[] => {
  const parts: InputOfVector[][] = [];
  const single = oneByOne(vector);
  for (const input of vector.inputs) {
    const last = parts.at(-1);
    if (last === undefined || single || last[0]!.topic !== input.topic) parts.push([input]);
    else last.push(input);
  }
  return parts;
};

/** True when everything that is there was taken, all the way through the topics between, and what came of it can be seen. */
const taken = async ({ log, settled }: AppWorld, { program, outputs }: Built, applicationId: string): Promise<true | undefined> => {
  const read = program
    .plan()
    .subtopologies.flatMap(({ inputs }) => inputs.map(({ topic }) => (topic.internal ? `${applicationId}-${topic.name}` : topic.name)));
  const described = await settled(log.admin.describe([...new Set([...read, ...outputs.keys()])]));
  const all = [...described].flatMap(([topic, { partitions: count }]) =>
    Array.from({ length: count }, (_, partition) => ({ topic, partition, id: partitionId(topic, partition) })),
  );
  // Before the ends: what is written in between then counts as not taken.
  const positions = await settled(log.admin.committed(applicationId, all, { requireStable: true }));
  const visible = await settled(log.admin.offsets(all, "latest", "read-committed"));
  // A transaction ends in one partition after the other.
  const written = await settled(log.admin.offsets(all, "latest", "read-uncommitted"));
  const isTaken = ({ topic, id }: (typeof all)[number]): boolean =>
    visible.get(id) === written.get(id) && (!read.includes(topic) || (positions.get(id)?.offset ?? 0) >= visible.get(id)!);
  return all.every(isTaken) ? true : undefined;
};

const outputDifferences = async (
  world: AppWorld,
  { outputs }: Built,
  own: ReadonlyMap<string, string>,
  expected: readonly KafkaStreamsOutcome[],
): Promise<readonly string[]> => {
  const found: string[] = [];
  for (const name of new Set(expected.flatMap((part) => Object.keys(part.expected)))) {
    const { topic, window } = outputs.get(own.get(name)!)!;
    const records = await world.read<Json, Json>(topic);
    const shown = records.map(({ key, value, timestamp }) => ({
      ...(window === undefined || key === null ? { key } : { key: key.key, window: shownWindow(key.window, window) }),
      value,
      timestamp,
    }));
    const wanted = expected.map((part) => byKey(part.expected[name] ?? []));
    const got = byKey(shown);
    for (const key of new Set([...wanted.flatMap((part) => [...part.keys()]), ...got.keys()])) {
      const from = wanted.filter((part) => part.has(key));
      const [should, is] = [from.flatMap((part) => part.get(key)!), [...(got.get(key) ?? [])]];
      // Between tasks there is no order, nor between partitions, over which records without key are spread.
      if (from.length > 1 || key.startsWith('{"key":null')) for (const list of [should, is]) list.sort();
      const at = Array.from({ length: Math.max(should.length, is.length) }, (_, i) => i).find((i) => should[i] !== is[i]);
      if (at !== undefined)
        found.push(`topic '${name}', ${key} differs at ${at}: expected ${should[at] ?? "nothing"}, got ${is[at] ?? "nothing"}`);
    }
  }
  return found;
};

const byKey = (
  records: readonly { readonly key: Json; readonly window?: Json; readonly value: Json; readonly timestamp: number }[],
): ReadonlyMap<string, readonly string[]> => {
  const keys = new Map<string, string[]>();
  for (const { key, window, value, timestamp } of records) {
    const of = canonical({ key, ...(window === undefined ? {} : { window }) });
    keys.set(of, [...(keys.get(of) ?? []), canonical({ value, timestamp })]);
  }
  return keys;
};

/** What all instances hold together; of a global table each of them holds everything. */
const storeDifferences = (
  apps: readonly Instance[],
  { stores, program }: Built,
  expected: readonly KafkaStreamsOutcome[],
): readonly string[] => {
  const globals = new Set(
    program
      .plan()
      .subtopologies.flatMap(({ nodes }) => nodes.flatMap(({ kind, store }) => (kind === "globalTable" && store ? [store.name] : []))),
  );
  return Object.keys(expected[0]!.stores ?? {}).flatMap((name) => {
    const of = (app: Instance): readonly string[] =>
      entriesOf(held({ all: () => app.store(name).all(), timestampOf: () => undefined }, stores.get(name)!));
    const should = expected.flatMap((part) => entriesOf(part.stores![name]!)).sort();
    const views = globals.has(name) ? apps.map(of) : [apps.flatMap(of)];
    return views.flatMap((is) =>
      canonical([...is].sort()) === canonical(should) ? [] : [`store '${name}' holds ${is.join(" ")} and should hold ${should.join(" ")}`],
    );
  });
};

const entriesOf = ({ type, entries }: NonNullable<KafkaStreamsOutcome["stores"]>[string]): readonly string[] =>
  entries.map(({ timestamp, ...entry }) => canonical(type === "versioned" ? { ...entry, timestamp } : entry));
