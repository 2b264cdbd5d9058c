import { describe, expect, it } from "@jest/globals";
import { StoreError } from "../../../core/errors.ts";
import type { App } from "../../../core/runtime/app.ts";
import { json } from "../../../core/serde/json.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { keyValueStore } from "../../../core/state/stores/key_value_store.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";

const words = topic("words", { key: text, value: text });
const rates = topic("rates", { key: text, value: json<number>() });
const out = topic("out", { key: text, value: json<unknown>() });
const rows = keyValueStore("rates", { key: text, value: json<number>() });
const counts = keyValueStore("counts", { key: text, value: integer });

const program = topology("rated", ({ from, globalTable }) => {
  const rated = from(words)
    .keyBy()
    .join(
      "rated",
      globalTable(rates, { store: rows }),
      () => "x",
      (word, rate) => word.length * rate,
    );
  rated.to(out);
  rated.keyBy().count(counts);
});

const begin = async (): Promise<Cluster> => {
  const cluster = new Cluster({ seed: 5 });
  for (const name of ["words", "rates", "out"]) await cluster.create(name, 1);
  await cluster.produce(rates, [
    { key: "x", value: 1, timestamp: 0 },
    { key: "y", value: 2, timestamp: 0 },
    { key: "y", value: null, timestamp: 1 },
  ]);
  return cluster;
};
const asked = (app: App, key: string): unknown => {
  try {
    return app.store(rows).get(key);
  } catch (error) {
    if (error instanceof StoreError) return error.code;
    throw error;
  }
};

describe("a global table on an instance that has no task which knows it", () => {
  for (const standbys of [0, 1])
    it(`answers as everywhere, with ${standbys} standbys, and never before it is whole`, async () => {
      const cluster = await begin();
      const apps = [await cluster.start(program, { standbys }), await cluster.start(program, { standbys })];
      const seen = new Set<unknown>();
      for (let i = 0; i < 1500; i++) {
        await cluster.clock.advance(10);
        for (const app of apps) seen.add(asked(app, "x"));
      }
      expect([...seen].filter((answer) => answer !== "STORE_NOT_READY" && answer !== "KEY_ELSEWHERE")).toEqual([1]);
      expect(apps.map((app) => [asked(app, "x"), asked(app, "y")])).toEqual([
        [1, undefined],
        [1, undefined],
      ]);
      expect(apps.map((app) => app.ownerOf(rows, "x").local)).toEqual([true, true]);
      expect(apps.map((app) => [...app.store(rows).all()])).toEqual([[["x", 1]], [["x", 1]]]);
      await cluster.produce(rates, [{ key: "x", value: 7, timestamp: 2 }]);
      await cluster.clock.advance(2000);
      expect(apps.map((app) => asked(app, "x"))).toEqual([7, 7]);
      await cluster.close();
      expect(cluster.clock.nextDueMs).toBeUndefined();
    });

  it("keeps nothing else of the task that it copies from, and gives way to that when the task comes", async () => {
    const cluster = await begin();
    await cluster.produce(words, [{ key: "a", value: "word", timestamp: 5 }]);
    const apps = [await cluster.start(program), await cluster.start(program)];
    await cluster.clock.advance(15_000);
    const [busy, idle] = apps[0]!.ownerOf(counts, "a").local ? apps : [...apps].reverse();
    expect([asked(busy!, "x"), asked(idle!, "x")]).toEqual([1, 1]);
    expect(() => idle!.store(counts, { maxLag: 1000 }).get("a")).toThrow(/is at instance/);
    busy!.kill();
    await cluster.clock.advance(60_000);
    expect([asked(idle!, "x"), idle!.store(counts).get("a")]).toEqual([1, 1]);
    await cluster.close();
  });
});
