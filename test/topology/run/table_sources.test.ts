import { describe, expect, it } from "@jest/globals";
import { forever, seconds } from "../../../core/duration.ts";
import { deadLetter, skip } from "../../../core/error_policy.ts";
import type { StoreEngine } from "../../../core/ports/store.ts";
import type { App } from "../../../core/runtime/app.ts";
import { bytes } from "../../../core/serde/bytes.ts";
import { json } from "../../../core/serde/json.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { MemoryStore } from "../../../core/state/memory_store.ts";
import { keyValueStore } from "../../../core/state/stores/key_value_store.ts";
import type { TableOptions } from "../../../topology/scope.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { topologyDiff } from "../../../topology/topology_diff.ts";
import { Cluster } from "../../support/cluster.ts";

const orders = topic("orders", { key: text, value: integer });
const prices = topic("prices", { key: text, value: integer });
const rawPrices = topic("prices", { key: text, value: bytes });
const out = topic("out", { key: text, value: json<unknown>() });

/** Orders with the price of this moment. */
const priced = (options: TableOptions<number, string> = { changelog: "source" }) =>
  topology("priced", ({ from, table }) => {
    from(orders)
      .keyBy()
      .leftJoin("priced", table(prices, { store: "rows", ...options }), (order, price) => [order, price ?? null])
      .to(out);
  });

const world = async (partitions = 1): Promise<Cluster> => {
  const cluster = new Cluster({ seed: 5 });
  for (const name of ["orders", "prices", "out"]) await cluster.create(name, partitions);
  return cluster;
};
const results = async (cluster: Cluster): Promise<readonly unknown[]> => (await cluster.read(out)).map(({ value }) => value);
const metric = (app: App, name: string): number =>
  [...app.metrics()].filter((one) => one.name === name).reduce((sum, { value }) => sum + value, 0);

/** Is found again as it was, as one on a disk is. */
class KeptStore extends MemoryStore {
  override async close(): Promise<void> {}
}

describe("a table that has its topic as its changelog", () => {
  it("has no changelog topic, and comes back as far as it was read", async () => {
    const cluster = await world();
    await cluster.produce(prices, [
      { key: "a", value: 1, timestamp: 1000 },
      { key: "b", value: 1, timestamp: 1000 },
      { key: "c", value: 9, timestamp: 5000 },
      // Out of order: the last one counts, whatever its timestamp says.
      { key: "c", value: 1, timestamp: 1000 },
      { key: "b", value: null, timestamp: 2000 },
    ]);
    const first = await cluster.start(priced());
    await cluster.clock.advance(2000);
    await cluster.drive(first.close());
    const topics = await cluster.drive(cluster.log.admin.list());
    expect(topics.filter((name) => name.includes("rows"))).toEqual([]);
    // What is written meanwhile lies behind what was read: an older order does not see it.
    await cluster.produce(prices, [
      { key: "a", value: 2, timestamp: 9000 },
      { key: "b", value: 2, timestamp: 9000 },
    ]);
    await cluster.produce(
      orders,
      [8000, 10_000].flatMap((timestamp) => ["a", "b", "c"].map((key) => ({ key, value: timestamp, timestamp }))),
    );
    const second = await cluster.start(priced());
    await cluster.clock.advance(3000);
    expect(metric(second, "restored_records")).toBe(5);
    expect(await results(cluster)).toEqual([
      [8000, 1],
      [8000, null],
      [8000, 1],
      [10_000, 2],
      [10_000, 2],
      [10_000, 1],
    ]);
    await cluster.close();
    expect(cluster.warnings).toEqual([]);
  });

  it("does without the records that its policy has left out", async () => {
    const cluster = await world();
    await cluster.create("refused", 1);
    const program = priced({ changelog: "source", onError: deadLetter("refused"), maxFuture: forever });
    const good = new Uint8Array([0, 0, 0, 1]);
    await cluster.produce(rawPrices, [
      { key: "a", value: good, timestamp: 1000 },
      { key: "a", value: new Uint8Array([7]), timestamp: 1000 },
      { key: null, value: good, timestamp: 1000 },
      { key: "b", value: good, timestamp: -1 },
      { key: "c", value: good, timestamp: 1000 },
    ]);
    await cluster.start(program);
    await cluster.clock.advance(2000);
    await cluster.drive(cluster.apps[0]!.close());
    await cluster.produce(
      orders,
      ["a", "b", "c"].map((key) => ({ key, value: 5, timestamp: 5000 })),
    );
    const second = await cluster.start(program);
    await cluster.clock.advance(2000);
    expect(await results(cluster)).toEqual([
      [5, 1],
      [5, null],
      [5, 1],
    ]);
    expect(metric(second, "restore_left_out_records")).toBe(3);
    expect((await cluster.read(topic("refused", { key: text, value: bytes }))).length).toBe(2);
    await cluster.close();
  });

  it("is followed by a standby as far as it is committed, which takes it over without reading it again", async () => {
    const cluster = await world(2);
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    const say = (value: number): Promise<void> =>
      cluster.produce(
        prices,
        keys.map((key) => ({ key, value, timestamp: value * 1000 })),
      );
    const start = () => cluster.start(priced(), { standbys: 1, group: { sessionTimeout: seconds(6) } });
    await say(1);
    const [a, b] = [await start(), await start()];
    await cluster.clock.advance(10_000);
    expect(a.instances().map(({ standbys }) => standbys.get("rows")?.length)).toEqual([1, 1]);
    for (const value of [2, 3, 4]) {
      await say(value);
      await cluster.clock.advance(2000);
    }
    expect([metric(a, "standby_lag_records"), metric(b, "standby_lag_records")]).toEqual([0, 0]);
    expect(metric(a, "standby_records") + metric(b, "standby_records")).toBeGreaterThanOrEqual(3 * keys.length);
    const rows = a.store(keyValueStore("rows", { key: text, value: integer }));
    const restored = metric(a, "restored_records");
    b.kill();
    await cluster.clock.advance(15_000);
    expect(metric(a, "tasks")).toBe(2);
    expect(metric(a, "restored_records")).toBe(restored);
    expect(keys.map((key) => rows.get(key))).toEqual(keys.map(() => 4));
    await cluster.close();
  });

  it("is refused where its topic loses rows", async () => {
    const start = async (config: Record<string, string>, program = priced()): Promise<unknown> => {
      const cluster = new Cluster();
      for (const name of ["orders", "out"]) await cluster.create(name, 1);
      await cluster.create("prices", 1, config);
      return cluster.start(program).then(
        async () => {
          await cluster.close();
          return "it has started";
        },
        (error: Error) => error.message,
      );
    };
    expect(await start({ "cleanup.policy": "compact" })).toBe("it has started");
    expect(await start({ "retention.ms": "60000" })).toBe(
      `Table 'rows' has changelog: "source", and topic 'prices' has cleanup.policy=delete with retention.ms=60000, by which rows get lost that the table still has: change that, or let the table have its own changelog`,
    );
    expect(await start({ "cleanup.policy": "compact,delete", "retention.bytes": "1000" })).toContain("retention.bytes=1000");
    // The sum has to take back what a row was, which a compacted topic may have lost.
    const summed = topology("summed", ({ table }) => {
      table(prices, { store: "rows", changelog: "source" })
        .groupBy(() => "all")
        .count("sum")
        .to(topic("out", { key: text, value: integer }));
    });
    expect(await start({}, summed)).toBe("it has started");
    expect(await start({ "cleanup.policy": "compact" }, summed)).toContain("what a row was before");
  });
});

describe("switching a table between its topic and a changelog", () => {
  it("takes nothing for its rows that an engine has kept for the other", async () => {
    const cluster = await world();
    const kept = new Map<string, KeptStore>();
    const stores: StoreEngine = {
      open: async ({ store, partition }) => {
        const id = `${store}/${partition}`;
        const found = kept.get(id) ?? new KeptStore();
        kept.set(id, found);
        return found;
      },
    };
    // Many commits of one record each: with a marker for each the changelog's offsets run ahead of the topic's.
    for (const value of [1, 2, 3]) {
      await cluster.produce(prices, [{ key: "a", value, timestamp: value }]);
      const app = await cluster.start(priced({}), { stores });
      await cluster.clock.advance(2000);
      await cluster.drive(app.close());
    }
    await cluster.produce(prices, [
      { key: "b", value: 4, timestamp: 4 },
      { key: "b", value: 5, timestamp: 5 },
    ]);
    // Another instance reads on, and what was kept here stays behind.
    const other = await cluster.start(priced({}));
    await cluster.clock.advance(2000);
    await cluster.drive(other.close());
    await cluster.produce(orders, [{ key: "b", value: 6, timestamp: 6 }]);
    await cluster.start(priced(), { stores });
    await cluster.clock.advance(2000);
    expect(await results(cluster)).toEqual([[6, 5]]);
    await cluster.close();
  });

  const [own, source] = [priced({}), priced()];

  it("to the topic is safe, back it needs a reset", () => {
    expect(topologyDiff(own, source)).toEqual({
      verdict: "safe",
      changes: [
        {
          kind: "store",
          name: "rows",
          verdict: "safe",
          why: "The store of step 'rows' now comes back from topic 'prices', as far as it was read. Its changelog is not used any more, and can be deleted",
        },
      ],
    });
    expect(topologyDiff(source, own)).toMatchObject({ verdict: "needs reset", changes: [{ name: "rows", verdict: "needs reset" }] });
    expect(topologyDiff(source, source.describe("json"))).toEqual({ verdict: "safe", changes: [] });
  });

  it("is what a start allows and refuses, also when the changelog of before is deleted", async () => {
    const cluster = await world();
    await cluster.produce(prices, [{ key: "a", value: 1, timestamp: 1000 }]);
    for (const program of [own, source]) {
      const app = await cluster.start(program);
      await cluster.clock.advance(2000);
      await cluster.drive(app.close());
    }
    await cluster.drive(cluster.log.admin.delete(["priced-rows-changelog"]));
    await cluster.produce(orders, [{ key: "a", value: 5, timestamp: 5000 }]);
    const app = await cluster.start(source);
    await cluster.clock.advance(2000);
    expect(await results(cluster)).toEqual([[5, 1]]);
    await cluster.drive(app.close());
    await expect(cluster.start(own)).rejects.toThrow("so it would begin without the rows that were read before");
  });
});

describe("a table whose topic does not say all that is in it", () => {
  it("keeps a changelog of its own, or is refused", () => {
    const refusal = (options: TableOptions<number, string>): string => {
      try {
        priced({ changelog: "source", ...options }).plan();
      } catch (error) {
        return (error as Error).message;
      }
      return "nothing";
    };
    expect(refusal({})).toBe("nothing");
    expect(refusal({ history: seconds(10) })).toContain("and a history");
    expect(refusal({ timestamp: () => 1 })).toContain("and a timestamp function");
    expect(refusal({ startAt: "latest" })).toContain('and startAt: "latest"');
    expect(refusal({ onError: skip() })).toContain("give it maxFuture: forever");
    expect(refusal({ onError: () => skip() })).toContain("give it maxFuture: forever");
    expect(refusal({ onError: skip(), maxFuture: forever })).toBe("nothing");
    expect(refusal({ onError: deadLetter("refused", { retryAfter: [seconds(1)] }), maxFuture: forever })).toContain("in another order");
    const forgiving = (policy: ReturnType<typeof skip>) =>
      topology("forgiving", ({ table }) => {
        table(prices, { store: "rows", changelog: "source" })
          .map((price) => price + 1)
          .with({ name: "more", onError: policy })
          .to(topic("out", { key: text, value: integer }));
      });
    expect(() => forgiving(skip()).plan()).toThrow(
      `Table 'rows' has changelog: "source", and step 'more' may take back the row of a record that it fails on: give it onError: fail() or skip({ scope: "step" })`,
    );
    expect(() => forgiving(skip({ scope: "step" })).plan()).not.toThrow();
    const later = topic("prices", { key: text, value: { ...integer, prepare: () => undefined } });
    expect(() =>
      topology("later", ({ table }) => {
        table(later, { store: "rows", changelog: "source", onError: skip(), maxFuture: forever });
      }).plan(),
    ).toThrow("whose schema is not known then");
  });
});

describe("a store without a changelog", () => {
  it("is empty after a restart, and asks for no topic", async () => {
    const cluster = await world();
    const seen = keyValueStore("seen", { key: text, value: integer, changelog: false });
    const program = topology("forgetful", ({ from }) => {
      from(orders)
        .keyBy()
        .process("count", {
          state: { seen },
          onRecord: (_order, { key, state }) => {
            const n = (state.seen.get(key) ?? 0) + 1;
            state.seen.put(key, n);
            return [n];
          },
        })
        .to(out);
    });
    for (let round = 0; round < 2; round++) {
      await cluster.produce(orders, [
        { key: "a", value: 1, timestamp: 1000 },
        { key: "a", value: 1, timestamp: 1000 },
      ]);
      const app = await cluster.start(program);
      await cluster.clock.advance(3000);
      await cluster.drive(app.close());
    }
    expect(await results(cluster)).toEqual([1, 2, 1, 2]);
    expect((await cluster.drive(cluster.log.admin.list())).filter((name) => name.endsWith("-changelog"))).toEqual([]);
    expect(cluster.warnings).toEqual([]);
    await cluster.close();
  });
});
