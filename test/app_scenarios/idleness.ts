import { expect, it } from "@jest/globals";
import { millis } from "../../core/duration.ts";
import { partitionForKey } from "../../core/partitioner.ts";
import { noHeaders } from "../../core/ports/log.ts";
import { integer } from "../../core/serde/numbers.ts";
import { text } from "../../core/serde/text.ts";
import { boundedOutOfOrderness } from "../../core/time/watermark_strategy.ts";
import { tumbling } from "../../core/window/tumbling.ts";
import { topic } from "../../topology/topic.ts";
import { topology } from "../../topology/topology.ts";
import { type AppWorld, type InWorld, total } from "./app_world.ts";

const partitions = 3;

/** A key that belongs into the partition. */
const keyIn = (partition: number): string => {
  for (let n = 0; ; n++) if (partitionForKey(text.serialize(`k${n}`, ""), partitions) === partition) return `k${n}`;
};

/** Windows of sixty units over three partitions, counted twice: without a shuffle (by `own`), and behind one (by `word`). Idle after five units. */
const begin = async (world: AppWorld, options: { readonly advanceWhenIdle?: boolean } = {}) => {
  const { unitMs } = world;
  const unit = (n: number) => millis(n * unitMs);
  const words = topic(world.unique("words"), { key: text, value: text });
  const counts = topic(world.unique("counts"), { key: text, value: integer });
  await world.create(words.name, partitions);
  await world.create(counts.name, 1);
  const counting = topology(world.unique("idleness"), ({ from }) => {
    const input = from(words, { watermarks: boundedOutOfOrderness(unit(1)), idleness: unit(5), ...options });
    const size = unit(60);
    for (const [name, keyed] of [
      ["own", input.keyBy()],
      ["word", input.keyBy((word) => word)],
    ] as const)
      keyed
        .window(tumbling({ size }))
        .count(name, (n) => n)
        .to(counts);
  });
  const app = await world.start(counting);
  await world.until("the app runs", () => (app.state === "running" ? true : undefined));
  // The first window that begins from now on, so that nothing lies in the future by more than two windows.
  const start = Math.ceil(world.now() / (60 * unitMs)) * 60 * unitMs;
  const said: { readonly partition: number; readonly at: number }[] = [];
  const names = [0, 1, 2].map(keyIn);
  return {
    app,
    words,
    start,
    /** Says the partition's word, so many units after the start. */
    say: async (partition: number, at: number): Promise<void> => {
      said.push({ partition, at });
      await world.produce(words, [{ key: names[partition]!, value: `w${partition}`, timestamp: start + at * unitMs, partition }]);
    },
    keyOf: (partition: number): string => names[partition]!,
    /** Results as text: `own1` or `word1` of partition 1, with the count and the window's number. */
    results: async (): Promise<ReadonlyMap<string, number>> =>
      new Map(
        (await world.read(counts)).map(({ key, value, timestamp }) => {
          const window = Math.floor((timestamp - start) / (60 * unitMs));
          return [`${names.includes(key!) ? `own${names.indexOf(key!)}` : key!.replace("w", "word")} in window ${window}`, value!];
        }),
      ),
    /** How many were said by a partition within a window. */
    saidIn: (partition: number, window: number): number =>
      said.filter((one) => one.partition === partition && Math.floor(one.at / 60) === window).length,
  };
};

/** Event time goes on although partitions say nothing, and nothing is lost or late by it. */
export const idleness = (on: InWorld): void => {
  it(
    "waits for a partition that has never said anything until it counts as idle, then closes windows without it",
    on(async (world) => {
      const { app, say, results, saidIn } = await begin(world);
      let at = 0;
      const { waitedMs } = await world.until("the window closes behind the shuffle", async () => {
        await say(0, at);
        at += 5;
        return (await results()).get("word0 in window 0");
      });
      const found = await results();
      // Without a shuffle each partition has its own time; behind one, the silent ones count until they are idle.
      expect(found.get("own0 in window 0")).toBe(saidIn(0, 0));
      expect(found.get("word0 in window 0")).toBe(saidIn(0, 0));
      expect(waitedMs).toBeGreaterThanOrEqual(5 * world.unitMs);
      expect(total(app, "late_records")).toBe(0);
    }),
  );

  it(
    "does not lose what a partition holds that has fallen silent while its siblings go on",
    on(async (world) => {
      const { app, say, results, saidIn } = await begin(world);
      await say(0, 10);
      await say(1, 20);
      let at = 15;
      await world.until("everything of the first window is there", async () => {
        await say(0, at);
        at += 2;
        const found = await results();
        return ["own0", "own1", "word0", "word1"].every((name) => found.has(`${name} in window 0`)) ? true : undefined;
      });
      const found = await results();
      expect(["own0", "own1", "word0", "word1"].map((name) => found.get(`${name} in window 0`))).toEqual([
        saidIn(0, 0),
        1,
        saidIn(0, 0),
        1,
      ]);
      expect(total(app, "late_records")).toBe(0);
    }),
  );

  it(
    "stands still when the whole input is idle, and nobody asked for anything else",
    on(async (world) => {
      const { say, results } = await begin(world);
      await say(0, 10);
      await say(1, 50);
      await world.pass(40 * world.unitMs);
      expect(await results()).toEqual(new Map());
    }),
  );

  it(
    "goes on at the pace of the clock when the whole input is idle and advanceWhenIdle says so",
    on(async (world) => {
      const { app, say, results } = await begin(world, { advanceWhenIdle: true });
      await say(0, 30);
      await say(1, 40);
      const { waitedMs } = await world.until("all windows are closed", async () => {
        const found = await results();
        return found.size === 4 ? true : undefined;
      });
      expect(await results()).toEqual(
        new Map([
          ["own0 in window 0", 1],
          ["own1 in window 0", 1],
          ["word0 in window 0", 1],
          ["word1 in window 0", 1],
        ]),
      );
      // Event time stood at no more than 39 units, and had to come to 60.
      expect(waitedMs).toBeGreaterThanOrEqual(21 * world.unitMs);
      expect(total(app, "late_records")).toBe(0);
    }),
  );

  it(
    "does not take an open transaction at the end of a partition for silence",
    on(async (world) => {
      const { say, results, words, keyOf } = await begin(world);
      await say(0, 10);
      await say(1, 20);
      const producer = await world.settled(world.log.producer({ transactionalId: world.unique("slow"), transactionTimeoutMs: 300_000 }));
      const outbox = world.log.outbox();
      outbox.append(words.name, 1, text.serialize(keyOf(1), words.name), text.serialize("w1", words.name), world.now(), noHeaders);
      await world.settled(producer.send(outbox));
      let at = 15;
      const goOn = async (): Promise<ReadonlyMap<string, number>> => {
        await say(0, at);
        at += 2;
        return results();
      };
      // Partition 1 holds back records that nobody can see yet: its time stands, and so does everybody's behind the shuffle.
      const beganAt = world.now();
      await world.until("the first window of partition 0 is closed, and idleness has had its time three times over", async () =>
        (await goOn()).has("own0 in window 0") && world.now() - beganAt > 15 * world.unitMs ? true : undefined,
      );
      expect([...(await results()).keys()].filter((name) => !name.startsWith("own0"))).toEqual([]);
      await world.settled(producer.abort());
      await producer.close();
      await world.until("the window of partition 1 closes", async () => (await goOn()).get("own1 in window 0"));
      await world.until("the window closes behind the shuffle", async () => (await goOn()).get("word1 in window 0"));
    }),
  );
};
