import { expect, it } from "@jest/globals";
import { millis } from "../../core/duration.ts";
import { deadLetter, fail, type Policy } from "../../core/error_policy.ts";
import { text } from "../../core/serde/text.ts";
import { valueState } from "../../core/state/descriptors.ts";
import { topic } from "../../topology/topic.ts";
import { topology } from "../../topology/topology.ts";
import { type AppWorld, type InWorld, total } from "./app_world.ts";

/** Numbers the words of each key; fails for what `isBroken` names. */
const place = async (world: AppWorld, partitions = 1) => {
  const words = topic(world.unique("words"), { key: text, value: text });
  const out = topic(world.unique("out"), { key: text, value: text });
  const dead = topic(world.unique("dead"), { key: text, value: text });
  for (const { name } of [words, out, dead]) await world.create(name, partitions);
  const name = world.unique("numbering");
  const program = (onError: Policy, isBroken: (word: string) => boolean) =>
    topology(name, ({ from }) => {
      from(words)
        .keyBy()
        .process("number", {
          state: { n: valueState({ initial: 0 }) },
          onRecord(word, { state }) {
            state.n.set(state.n.get() + 1);
            if (isBroken(word)) throw new Error("broken");
            return [`${word} ${state.n.get()}`];
          },
        })
        .with({ onError })
        .to(out);
    });
  const values = async (of = out): Promise<readonly string[]> => (await world.read(of)).map(({ value }) => value!);
  return { words, out, dead, program, values };
};

/** What becomes of records that fail for a while, or for ever. */
export const failingRecords = (on: InWorld): void => {
  it(
    "keeps the order of a key whose record is put off, over the death of the instance, and handles each record once",
    on(async (world) => {
      const { words, dead, program, values } = await place(world);
      const group = { sessionTimeout: millis(world.sessionMs) };
      const policy = deadLetter(dead.name, { retryAfter: [millis(2 * world.unitMs), millis(2 * world.sessionMs)], parkKey: true });
      const first = await world.start(
        program(policy, (word) => word === "a1"),
        { group },
      );
      await world.produce(
        words,
        ["a0", "a1", "b0", "a2", "b1"].map((value) => ({ key: value[0]!, value })),
      );
      await world.until("the record is put off for the second time", () => (total(first, "put_off_records") === 2 ? true : undefined));
      await world.until("others are through", async () => ((await values()).length === 3 ? true : undefined));
      first.kill();
      await world.produce(words, [{ key: "a", value: "a3" }]);
      await world.start(
        program(policy, () => false),
        { group },
      );
      await world.until("all are through", async () => ((await values()).length >= 6 ? true : undefined));
      await world.pass(5 * world.unitMs);
      expect(await values()).toEqual(["a0 1", "b0 1", "b1 2", "a1 2", "a2 3", "a3 4"]);
      expect(await values(dead)).toEqual([]);
    }),
  );

  it(
    "lets a record that has stopped several instances hold its own task alone, until the program is mended",
    on(async (world) => {
      const { words, program, values } = await place(world, 2);
      const group = { sessionTimeout: millis(world.sessionMs) };
      const policy = fail({ attempts: 2 });
      // By Kafka's partitioner "a" belongs to partition 0 of two, and "d" to 1.
      await world.produce(words, [
        { key: "a", value: "good", partition: 0 },
        { key: "a", value: "bad", partition: 0 },
        { key: "a", value: "behind", partition: 0 },
      ]);
      const broken = program(policy, (word) => word === "bad");
      for (let start = 0; start < 2; start++) {
        const app = await world.start(broken, { group });
        await expect(world.settled(app.finished)).rejects.toMatchObject({ name: "StepError", topic: words.name, offset: 1 });
      }
      const third = await world.start(broken, { group });
      await world.until("the task stands still", () => (total(third, "stopped_tasks") === 1 ? true : undefined));
      await world.produce(words, [{ key: "d", value: "elsewhere", partition: 1 }]);
      await world.until("the other task goes on", async () => ((await values()).includes("elsewhere 1") ? true : undefined));
      expect([...(await values())].sort()).toEqual(["elsewhere 1", "good 1"]);
      expect(third.state).toBe("running");
      await world.settled(third.close());
      await world.start(
        program(policy, () => false),
        { group },
      );
      await world.until("all are through", async () => ((await values()).length >= 4 ? true : undefined));
      expect([...(await values())].sort()).toEqual(["bad 2", "behind 3", "elsewhere 1", "good 1"]);
    }),
  );
};
