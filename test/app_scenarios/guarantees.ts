import { expect, it } from "@jest/globals";
import { millis } from "../../core/duration.ts";
import { partitionId } from "../../core/ports/log.ts";
import { type AppWorld, type InWorld, total } from "./app_world.ts";
import { type WordCount, wordCount, wordCountPartitions } from "./word_count.ts";

const committedInputs = async (world: AppWorld, { program, lines }: WordCount): Promise<number> => {
  const all = Array.from({ length: wordCountPartitions }, (_, partition) => ({ topic: lines.name, partition }));
  const committed = await world.settled(world.log.admin.committed(program.name, all, { requireStable: true }));
  return all.reduce((sum, { topic, partition }) => sum + (committed.get(partitionId(topic, partition))?.offset ?? 0), 0);
};

const changelogRecords = async (world: AppWorld, { program }: WordCount): Promise<number> => {
  const all = Array.from({ length: wordCountPartitions }, (_, partition) => ({ topic: `${program.name}-count-changelog`, partition }));
  const ends = await world.settled(world.log.admin.offsets(all, "latest", "read-uncommitted"));
  return [...ends.values()].reduce((sum, end) => sum + end, 0);
};

/** What the weaker guarantees promise, and what they do not. */
export const guarantees = (on: InWorld): void => {
  it(
    "at-least-once loses nothing over a kill, and repeats nothing over a clean stop",
    on(async (world) => {
      const words = await wordCount(world);
      const options = { guarantee: "at-least-once", group: { sessionTimeout: millis(world.sessionMs) } } as const;
      const first = await world.start(words.program, options);
      await words.say();
      await words.counted();
      await world.settled(first.close());
      const second = await world.start(words.program, options);
      await words.say();
      await words.counted();
      expect([...(await words.revisions())].sort()).toEqual(words.expected());
      await words.say();
      await world.until("it is in the middle of something", () => (total(second, "records_in") > 120 ? true : undefined));
      second.kill();
      await words.say();
      await world.start(words.program, options);
      await words.counted();
      // Some may be counted twice, none may be missing.
      const found = new Set(await words.revisions());
      expect(words.expected().filter((revision) => !found.has(revision))).toEqual([]);
    }),
  );

  it(
    "none keeps no state and commits no position, except that a clean stop says where it was",
    on(async (world) => {
      const words = await wordCount(world);
      const options = { guarantee: "none", group: { sessionTimeout: millis(world.sessionMs) } } as const;
      const first = await world.start(words.program, options);
      await words.say();
      await words.counted();
      expect(await committedInputs(world, words)).toBe(0);
      first.kill();
      const second = await world.start(words.program, options);
      // What lay between the tasks may be read again as well as what is made of the input once more, so there may be higher counts; but each start has begun from nothing.
      const begun = async (): Promise<readonly string[]> =>
        (await words.revisions()).filter((revision) => words.expected().includes(revision));
      await world.until("everything is read again", async () => ((await begun()).length >= 160 ? true : undefined));
      expect([...(await begun())].sort()).toEqual([...words.expected(), ...words.expected()].sort());
      expect(await changelogRecords(world, words)).toBe(0);
      await world.settled(second.close());
      expect(await committedInputs(world, words)).toBe(40);
    }),
  );
};
