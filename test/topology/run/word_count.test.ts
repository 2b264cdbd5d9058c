import { describe, expect, it } from "@jest/globals";
import { minutes, seconds } from "../../../core/duration.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { boundedOutOfOrderness } from "../../../core/time/watermark_strategy.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";

const lines = topic("lines", { key: text, value: text });
const counts = topic("counts", { key: text, value: integer });

const wordCount = topology("word-count", ({ from }) => {
  from(lines)
    .flatMap((line) => line.toLowerCase().split(/\W+/))
    .keyBy((word) => word)
    .count("count")
    .to(counts);
});

const windowed = topology("windowed", ({ from }) => {
  from(lines, { watermarks: boundedOutOfOrderness(seconds(1)) })
    .flatMap((line) => line.split(" "))
    .keyBy((word) => word)
    .window(tumbling({ size: minutes(1) }))
    .count("per-minute", (n) => n)
    .to(counts);
});

const latest = (records: readonly { readonly key: string | null; readonly value: number | null }[]) =>
  Object.fromEntries(records.map(({ key, value }) => [key, value]));

describe("an application on the log in memory", () => {
  it("counts words through a repartition topic", async () => {
    const cluster = new Cluster();
    await cluster.create("lines", 3);
    await cluster.create("counts", 2);
    await cluster.start(wordCount);
    await cluster.produce(lines, [
      { key: "a", value: "to be or not to be" },
      { key: "b", value: "Be" },
    ]);
    await cluster.clock.advance(2000);
    expect(latest(await cluster.read(counts))).toEqual({ to: 2, be: 3, or: 1, not: 1 });
    await cluster.close();
    expect(cluster.warnings).toEqual([]);
  });

  it("ends by itself when its input is bounded, with every window fired", async () => {
    const cluster = new Cluster();
    await cluster.create("lines", 3);
    await cluster.create("counts", 2);
    await cluster.produce(lines, [
      { key: "a", value: "x y x", timestamp: 5 },
      { key: "b", value: "x", timestamp: 70_000 },
      { key: "c", value: "y", timestamp: 59_999 },
    ]);
    await cluster.start(windowed, { mode: "batch" });
    await cluster.finished();
    expect((await cluster.read(counts)).map(({ key, value, timestamp }) => [key, value, timestamp]).sort()).toEqual([
      ["x", 1, 119_999],
      ["x", 2, 59_999],
      ["y", 2, 59_999],
    ]);
    // An instance that comes later finds that nothing is left to do.
    await cluster.start(windowed, { mode: "batch" });
    await cluster.finished();
    expect(await cluster.read(counts)).toHaveLength(3);
  });

  it("goes on where it was after it was closed, and after it was killed", async () => {
    const cluster = new Cluster();
    await cluster.create("lines", 2);
    await cluster.create("counts", 2);
    const first = await cluster.start(wordCount);
    await cluster.produce(lines, [{ key: "a", value: "one two two" }]);
    await cluster.clock.advance(1000);
    await cluster.drive(first.close());
    await cluster.produce(lines, [{ key: "a", value: "two" }]);
    const second = await cluster.start(wordCount);
    await cluster.clock.advance(2000);
    expect(latest(await cluster.read(counts))).toEqual({ one: 1, two: 3 });
    await cluster.produce(lines, [{ key: "b", value: "three two" }]);
    second.kill();
    await cluster.start(wordCount);
    await cluster.clock.advance(120_000);
    expect(latest(await cluster.read(counts))).toEqual({ one: 1, two: 4, three: 1 });
    await cluster.close();
  });

  it("shares its tasks between instances, and takes over those of one that was killed", async () => {
    const cluster = new Cluster();
    await cluster.create("lines", 4);
    await cluster.create("counts", 1);
    const words = Array.from({ length: 40 }, (_, i) => `w${i}`);
    const say = () =>
      cluster.produce(
        lines,
        words.map((word) => ({ key: word, value: `${word} ${word}` })),
      );
    const assigned: (readonly string[])[] = [];
    await cluster.start(wordCount, { on: { assigned: ({ tasks }) => void (assigned[0] = tasks) } });
    await say();
    await cluster.clock.advance(1000);
    const second = await cluster.start(wordCount, { on: { assigned: ({ tasks }) => void (assigned[1] = tasks) } });
    await say();
    await cluster.clock.advance(10_000);
    expect(assigned.map((tasks) => tasks.length)).toEqual([4, 4]);
    expect([...assigned[0]!, ...assigned[1]!].sort()).toEqual(["0_0", "0_1", "0_2", "0_3", "1_0", "1_1", "1_2", "1_3"]);
    await say();
    await cluster.clock.advance(150);
    second.kill();
    await say();
    await cluster.clock.advance(120_000);
    expect(assigned[0]).toHaveLength(8);
    const read = await cluster.read(counts);
    expect(latest(read)).toEqual(Object.fromEntries(words.map((word) => [word, 8])));
    // Each revision of a row was written once: exactly-once shows in the whole output, not only in its last state.
    expect(new Set(read.map(({ key, value }) => `${key} ${value}`)).size).toBe(read.length);
    await cluster.close();
  });
});
