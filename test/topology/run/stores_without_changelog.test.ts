import { describe, expect, it } from "@jest/globals";
import { minutes } from "../../../core/duration.ts";
import { nullable } from "../../../core/serde/nullable.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { keyValueStore } from "../../../core/state/stores/key_value_store.ts";
import { windowStore } from "../../../core/state/stores/window_store.ts";
import { onUpdate } from "../../../core/window/revision.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";

const words = topic("words", { key: text, value: text });
const rows = topic("rows", { key: text, value: nullable(text) });
const counts = topic("counts", { key: text, value: integer });
const passing = <V>(name: string, value: typeof text | typeof integer) =>
  keyValueStore(name, { key: text, value: value as any, changelog: false }) as ReturnType<typeof keyValueStore<string, V>>;

const counting = topology("counting", ({ from }) => {
  const stream = from(words).keyBy();
  stream.count(passing<number>("count", integer)).to(counts);
  // Another instance follows what this one keeps, and with it the task.
  stream.count("kept");
});

// One that was given in the place of a name had a changelog whatever it said.
describe("a store without changelog", () => {
  it("has none, whichever step keeps it", () => {
    const { subtopologies } = topology("all", ({ from, table }) => {
      const stream = from(words).keyBy();
      stream.count(passing<number>("counted", integer));
      stream.reduce(passing<string>("reduced", text), (a, b) => a + b);
      stream.toTable(passing<string>("kept", text));
      stream
        .window(tumbling({ size: minutes(1) }), { emit: onUpdate() })
        .count(windowStore("windows", { key: text, value: integer, size: minutes(1), retention: minutes(1), changelog: false }));
      table(rows)
        .filter(() => true)
        .materialize(passing("filtered", text))
        .groupBy((row) => String(row))
        .count(passing<number>("grouped", integer));
    }).plan();
    const kept = subtopologies.flatMap(({ nodes }) => nodes.flatMap(({ store }) => (store === undefined ? [] : [store])));
    expect(
      kept
        .filter(({ changelog }) => !changelog)
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(["counted", "filtered", "grouped", "kept", "reduced", "windows"]);
  });

  it("begins empty at each start, and the program goes on where it was", async () => {
    const cluster = new Cluster();
    await cluster.create("words", 2);
    await cluster.create("counts", 2);
    for (const _start of [1, 2]) {
      await cluster.start(counting);
      await cluster.produce(words, [
        { key: "a", value: "x" },
        { key: "a", value: "y" },
      ]);
      await cluster.clock.advance(2000);
      await cluster.close();
    }
    expect((await cluster.read(counts)).map(({ value }) => value)).toEqual([1, 2, 1, 2]);
    expect((await cluster.log.admin.describe(["counting-count-changelog"])).size).toBe(0);
  });

  it("begins empty where its task comes back to, also if something of it is still there", async () => {
    const cluster = new Cluster();
    await cluster.create("words", 2);
    await cluster.create("counts", 2);
    const keys = [..."abcdefgh"];
    const twice = async () => {
      for (const _time of [1, 2])
        await cluster.produce(
          words,
          keys.map((key) => ({ key, value: "x" })),
        );
      await cluster.clock.advance(2000);
    };
    await cluster.start(counting, { standbys: 1 });
    await twice();
    const other = await cluster.start(counting, { standbys: 1 });
    await cluster.clock.advance(60_000);
    await twice();
    await cluster.drive(other.close());
    await cluster.clock.advance(60_000);
    await twice();
    const found = await cluster.read(counts);
    const ways = keys.map((key) => found.flatMap((record) => (record.key === key ? [record.value] : [])).join(" "));
    expect([...new Set(ways)].toSorted()).toEqual(["1 2 1 2 1 2", "1 2 3 4 5 6"]);
    await cluster.close();
  });

  it("cannot keep the rows of a topic, which is not read again", () => {
    const store = passing<string>("people", text);
    const refusal = "Store 'people' has changelog: false and is to keep the rows of topic 'rows'";
    expect(() => topology("rows", ({ table }) => void table(rows, { store: store as any }))).toThrow(refusal);
    expect(() => topology("rows", ({ globalTable }) => void globalTable(rows, { store: store as any }))).toThrow(refusal);
  });
});
