import { describe, expect, it } from "@jest/globals";
import { minutes, seconds } from "../../../core/duration.ts";
import { partitionForKey } from "../../../core/partitioner.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { boundedOutOfOrderness } from "../../../core/time/watermark_strategy.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import type { RunOptions } from "../../../topology/run_options.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";

const words = topic("words", { key: text, value: text });
const counts = topic("counts", { key: text, value: integer });

/** Counted twice: without a shuffle, and behind one. */
const counting = (advanceWhenIdle: boolean) =>
  topology("counting", ({ from }) => {
    const input = from(words, { watermarks: boundedOutOfOrderness(seconds(1)), idleness: seconds(5), advanceWhenIdle });
    input
      .keyBy()
      .window(tumbling({ size: minutes(1) }))
      .count("own-key", (n) => n)
      .to(counts);
    input
      .keyBy((word) => word)
      .window(tumbling({ size: minutes(1) }))
      .count("by-word", (n) => n)
      .to(counts);
  });

/** Where the window is not the first step of its task, and nothing waits for event time in front of the shuffle. */
const countingBehindSteps = topology("counting", ({ from }) => {
  from(words, { watermarks: boundedOutOfOrderness(seconds(1)), idleness: seconds(5) })
    .keyBy((word) => word)
    .repartition("words", { partitions: 1 })
    .filter(() => true)
    .window(tumbling({ size: minutes(1) }))
    .count("by-word", (n) => n)
    .to(counts);
});

/** Keys that belong where they are written: k0 to partition 0, and so on. */
const keyIn = (partition: number): string => {
  for (let n = 0; ; n++) if (partitionForKey(text.serialize(`${n}`, "words"), 3) === partition) return `${n}`;
};
const keys = [keyIn(0), keyIn(1), keyIn(2)];

const world = async (program = counting(false), options: RunOptions = {}) => {
  const cluster = new Cluster();
  await cluster.create("words", 3);
  await cluster.create("counts", 1);
  await cluster.start(program, options);
  await cluster.clock.advance(1000);
  const start = Math.floor(cluster.clock.now() / 60_000) * 60_000;
  const say = (partition: number, at: number, word = `w${partition}`) =>
    cluster.produce(words, [{ key: keys[partition]!, value: word, timestamp: start + at, partition }]);
  const seen = async () =>
    (await cluster.read(counts))
      .map(({ key, value, timestamp }) => `${keys.includes(key!) ? `k${keys.indexOf(key!)}` : key}=${value}@${timestamp - start}`)
      .sort();
  return { cluster, say, seen, start };
};

describe("event time with partitions that say nothing", () => {
  it("waits for a partition that is silent, until it counts as idle", async () => {
    const { cluster, say, seen } = await world();
    for (let at = 0; at < 100_000; at += 10_000) await say(0, at);
    await cluster.clock.advance(4000);
    // Without a shuffle each partition has its own time; behind one, all of them count.
    expect(await seen()).toEqual(["k0=6@59999"]);
    // Partition 0 goes on, the others are idle by now.
    await say(0, 101_000);
    await cluster.clock.advance(3000);
    expect(await seen()).toEqual(["k0=6@59999", "w0=6@59999"]);
    await cluster.close();
  });

  it("does not lose what a partition holds that has fallen silent while its siblings go on", async () => {
    const { cluster, say, seen } = await world();
    await say(0, 10_000);
    await say(1, 20_000);
    await cluster.clock.advance(1000);
    // Partition 1 falls silent with a window open; partition 0 carries time on, slowly enough for idleness to set in.
    for (let at = 15_000; at <= 150_000; at += 5_000) {
      await say(0, at);
      await cluster.clock.advance(2500);
    }
    const result = await seen();
    expect(result).toContain("k1=1@59999");
    expect(result).toContain("w1=1@59999");
    expect(result).toContain("k0=10@59999");
    expect(result).toContain("w0=10@59999");
    expect(result).toContain("k0=12@119999");
    expect([...cluster.apps[0]!.metrics()].filter(({ name }) => name === "late_records")).toEqual([]);
    await cluster.close();
  });

  it("stands still when the whole input is idle, and nobody asked for anything else", async () => {
    const { cluster, say, seen } = await world();
    await say(0, 10_000);
    await cluster.clock.advance(600_000);
    expect(await seen()).toEqual([]);
    await cluster.close();
  });

  // Steps that are not the first ones of their task were told the time while they still counted as idle: they did not hear it, and it was not said again.
  it("tells every step the time that comes when idleness ends", async () => {
    const { cluster, say, seen } = await world(countingBehindSteps);
    await say(0, 10_000);
    await cluster.clock.advance(20_000);
    await say(0, 130_000);
    await cluster.clock.advance(2000);
    expect(await seen()).toEqual(["w0=1@59999"]);
    await cluster.close();
  });

  // The writers then say idle after idle, each time with a later watermark: of an idle input it was not heard.
  it("hears how far time has come when input comes and falls silent between two commits", async () => {
    const { cluster, say, seen } = await world(countingBehindSteps, { commit: { interval: seconds(20) } });
    await say(0, 10_000);
    await cluster.clock.advance(60_000);
    await say(0, 130_000);
    await cluster.clock.advance(60_000);
    expect(await seen()).toEqual(["w0=1@59999"]);
    await cluster.close();
  });

  it("goes on at the pace of the clock when the whole input is idle and advanceWhenIdle says so", async () => {
    const { cluster, say, seen } = await world(counting(true));
    await say(0, 10_000);
    await say(1, 30_000);
    await cluster.clock.advance(20_000);
    expect(await seen()).toEqual([]);
    await cluster.clock.advance(70_000);
    expect(await seen()).toEqual(["k0=1@59999", "k1=1@59999", "w0=1@59999", "w1=1@59999"]);
    await cluster.close();
  });

  it("does not take an open transaction at the end of a partition for silence", async () => {
    const { cluster, say, seen } = await world();
    await say(0, 10_000);
    await say(1, 20_000);
    const producer = await cluster.drive(cluster.log.producer({ transactionalId: "slow", transactionTimeoutMs: 60_000 }));
    const outbox = cluster.log.outbox();
    outbox.append("words", 1, text.serialize(keys[1]!, "words"), text.serialize("w1", "words"), cluster.clock.now(), []);
    await cluster.drive(producer.send(outbox));
    for (let at = 15_000; at <= 120_000; at += 15_000) {
      await say(0, at);
      await cluster.clock.advance(2500);
    }
    // Partition 1 holds back records that nobody can see yet: its time stands, and so does everybody's.
    expect(await seen()).toEqual(["k0=4@59999"]);
    await cluster.drive(producer.abort());
    for (let at = 125_000; at <= 160_000; at += 5_000) {
      await say(0, at);
      await cluster.clock.advance(2500);
    }
    expect(await seen()).toContain("k1=1@59999");
    await cluster.close();
  });
});
