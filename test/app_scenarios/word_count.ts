import { expect, it } from "@jest/globals";
import { millis } from "../../core/duration.ts";
import { integer } from "../../core/serde/numbers.ts";
import { text } from "../../core/serde/text.ts";
import { type Topic, topic } from "../../topology/topic.ts";
import { type Topology, topology } from "../../topology/topology.ts";
import { type AppWorld, type Instance, type InWorld, total } from "./app_world.ts";

export interface WordCount {
  readonly lines: Topic<string, string>;
  readonly counts: Topic<string, number>;
  readonly program: Topology;
  /** Words of the vocabulary, each once, spread over the partitions; what was said is remembered. */
  say(): Promise<void>;
  /** Waits until the newest count of every word is what was said. */
  counted(): Promise<void>;
  /** Each revision of each count, as "word n", in the order in which it was written. */
  revisions(): Promise<readonly string[]>;
  /** What the revisions have to be: every word counted from one up, each number once. */
  expected(): readonly string[];
}

export const wordCountPartitions = 4;

/** Words that are counted behind a shuffle, so that two topics and a store take part. */
export const wordCount = async (world: AppWorld): Promise<WordCount> => {
  const lines = topic(world.unique("lines"), { key: text, value: text });
  const counts = topic(world.unique("counts"), { key: text, value: integer });
  await world.create(lines.name, wordCountPartitions);
  await world.create(counts.name, 2);
  const program = topology(world.unique("word-count"), ({ from }) => {
    from(lines)
      .flatMap((line) => line.split(" "))
      .keyBy((word) => word)
      .count("count")
      .to(counts);
  });
  const vocabulary = Array.from({ length: 40 }, (_, n) => `word${n}`);
  let said = 0;
  const newest = async (): Promise<ReadonlyMap<string | null, number | null>> =>
    new Map((await world.read(counts)).map(({ key, value }) => [key, value]));
  return {
    lines,
    counts,
    program,
    async say() {
      await world.produce(
        lines,
        vocabulary.map((word) => ({ key: word, value: `${word} ${word}` })),
      );
      said += 2;
    },
    async counted() {
      await world.until(`every word is counted ${said} times`, async () => {
        const found = await newest();
        return vocabulary.every((word) => (found.get(word) ?? 0) >= said) ? true : undefined;
      });
    },
    async revisions() {
      return (await world.read(counts)).map(({ key, value }) => `${key} ${value}`);
    },
    expected: () => vocabulary.flatMap((word) => Array.from({ length: said }, (_, n) => `${word} ${n + 1}`)).sort(),
  };
};

/** Resolves when the app has all of its tasks. */
export const hasTasks = async (world: AppWorld, app: Instance, tasks: number): Promise<number> =>
  (
    await world.until(`the instance works on ${tasks} tasks`, () => {
      return app.state === "running" && total(app, "tasks") === tasks ? true : undefined;
    })
  ).waitedMs;

/** Exactly once through a shuffle, shared by instances that come and go. */
export const sharing = (on: InWorld): void => {
  it(
    "counts every word once, through a shuffle, over a restart",
    on(async (world) => {
      const words = await wordCount(world);
      const first = await world.start(words.program);
      for (let i = 0; i < 3; i++) await words.say();
      await words.counted();
      await world.settled(first.close());
      await words.say();
      await world.start(words.program);
      await words.counted();
      await words.say();
      await words.counted();
      expect([...(await words.revisions())].sort()).toEqual(words.expected());
    }),
  );

  it(
    "hands the tasks of an instance that is closed to the other one at once, without waiting for its session to end",
    on(async (world) => {
      const words = await wordCount(world);
      const group = { sessionTimeout: millis(45_000) };
      const first = await world.start(words.program, { group });
      await hasTasks(world, first, 2 * wordCountPartitions);
      await words.say();
      const second = await world.start(words.program, { group });
      await hasTasks(world, second, wordCountPartitions);
      await hasTasks(world, first, wordCountPartitions);
      await words.say();
      await words.counted();
      await words.say();
      await world.settled(second.close());
      const waitedMs = await hasTasks(world, first, 2 * wordCountPartitions);
      expect(waitedMs).toBeLessThan(group.sessionTimeout);
      await words.counted();
      expect([...(await words.revisions())].sort()).toEqual(words.expected());
    }),
  );

  it(
    "hands the tasks of an instance that is killed to the other one, and what it had not committed was never there",
    on(async (world) => {
      const words = await wordCount(world);
      const group = { sessionTimeout: millis(world.sessionMs) };
      const first = await world.start(words.program, { group });
      await hasTasks(world, first, 2 * wordCountPartitions);
      // It commits so seldom that the kill finds it with work that is done and not committed.
      const second = await world.start(words.program, { group, commit: { interval: millis(20_000) } });
      await hasTasks(world, second, wordCountPartitions);
      await hasTasks(world, first, wordCountPartitions);
      await words.say();
      await words.say();
      await world.until("the second instance has done something", () => (total(second, "records_in") > 0 ? true : undefined));
      second.kill();
      await words.say();
      await hasTasks(world, first, 2 * wordCountPartitions);
      await words.counted();
      expect([...(await words.revisions())].sort()).toEqual(words.expected());
    }),
  );
};
