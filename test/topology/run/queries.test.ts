import { describe, expect, it } from "@jest/globals";
import { hours, millis, minutes, seconds } from "../../../core/duration.ts";
import { StoreError } from "../../../core/errors.ts";
import { partitionForKey } from "../../../core/partitioner.ts";
import type { StoreEngine } from "../../../core/ports/store.ts";
import type { App } from "../../../core/runtime/app.ts";
import { json } from "../../../core/serde/json.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { memoryStores } from "../../../core/state/memory_store.ts";
import { keyValueStore } from "../../../core/state/stores/key_value_store.ts";
import { onUpdate } from "../../../core/window/revision.ts";
import { session } from "../../../core/window/session.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";

const words = topic("words", { key: text, value: text });
const rates = topic("rates", { key: text, value: json<number>() });
const out = topic("out", { key: text, value: json<unknown>() });
const counts = keyValueStore("counts", { key: text, value: integer });
const seen = keyValueStore("seen", { key: text, value: integer });

const program = topology("asked", ({ from, table, globalTable }) => {
  const stream = from(words).keyBy();
  stream.count(counts).to(topic("counted", { key: text, value: integer }));
  stream.window(tumbling({ size: seconds(10) }), { emit: onUpdate(), lateness: minutes(5) }).count("per-ten-seconds");
  stream.window(session({ gap: seconds(5) }), { emit: onUpdate(), lateness: minutes(5) }).count("visits");
  stream
    .process("remember", {
      state: { seen },
      onRecord: (word, { key, state }) => {
        state.seen.put(key, word.length);
        return [word.length];
      },
    })
    .join(
      "rate",
      globalTable(rates),
      () => "x",
      (length, rate) => length * rate,
    )
    .to(out);
  table(topic("prices", { key: text, value: integer }), { history: hours(1), store: "prices" });
});
const inputs = ["words", "rates", "prices", "out", "counted"];
const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
const partitionOf = (key: string): number => partitionForKey(new TextEncoder().encode(key), 4);

const fed = async (cluster: Cluster): Promise<void> => {
  for (const name of inputs) await cluster.create(name, 4);
  await cluster.produce(rates, [{ key: "x", value: 10, timestamp: 0 }]);
  await cluster.produce(
    words,
    [0, 1000, 12_000].flatMap((timestamp) => keys.map((key) => ({ key, value: `word of ${key}`, timestamp }))),
  );
  await cluster.produce(
    topic("prices", { key: text, value: integer }),
    keys.flatMap((key) => [1, 2].map((value) => ({ key, value, timestamp: value * 1000 }))),
  );
};
const refusal = (ask: () => unknown): string => {
  try {
    ask();
  } catch (error) {
    if (error instanceof StoreError) return error.code;
    throw error;
  }
  throw new Error("It was answered");
};
/** The app that has the key, and one that has not. */
const sides = (apps: readonly App[], key: string): readonly [App, App] => {
  const here = apps.find((app) => app.ownerOf(counts, key).local)!;
  return [here, apps.find((app) => app !== here)!];
};

describe("questions to the stores of a running application", () => {
  it("are answered by the instance that has the key; the others say who that is", async () => {
    const cluster = new Cluster({ seed: 5 });
    await fed(cluster);
    const apps: App[] = [];
    for (const instanceId of ["a", "b"]) apps.push(await cluster.start(program, { instanceId, endpoint: `${instanceId}.example:80` }));
    await cluster.clock.advance(20_000);
    for (const key of keys) {
      const [here, there] = sides(apps, key);
      expect([here.store(counts).get(key), here.store(counts).timestampOf(key), here.store(seen).get(key)]).toEqual([
        3,
        12_000,
        8 + key.length,
      ]);
      expect([...here.store("per-ten-seconds").fetch(key, 0, 20_000)]).toEqual([
        [0, 2],
        [10_000, 1],
      ]);
      expect([...here.store("visits").fetch(key)]).toEqual([
        [{ key, window: { start: 0, end: 6000 } }, 2],
        [{ key, window: { start: 12_000, end: 17_000 } }, 1],
      ]);
      expect([here.store("prices").get(key)?.value, here.store("prices").get(key, 1500)?.value]).toEqual([2, 1]);
      expect(refusal(() => there.store(counts).get(key))).toBe("KEY_ELSEWHERE");
      const { instance, endpoint, partition, local } = there.ownerOf("counts", key);
      expect([endpoint, partition, local]).toEqual([`${instance}.example:80`, partitionOf(key), false]);
      expect(there.ownerOf(counts, key)).toEqual({ ...here.ownerOf(counts, key), local: false });
    }
    const all = apps.flatMap((app) => [...app.store(counts).all()]);
    expect(new Map(all)).toEqual(new Map(keys.map((key) => [key, 3])));
    expect(all).toHaveLength(keys.length);
    expect(apps.reduce((sum, app) => sum + app.store(counts).approximateSize(), 0)).toBe(keys.length);
    expect(apps.every((app) => app.store(counts).all() !== undefined && [...app.store(counts).all()].length > 0)).toBe(true);
    for (const app of apps) expect([...app.store("rates").all()]).toEqual([["x", 10]]);
    await cluster.close();
    for (const app of apps) expect(refusal(() => app.store(counts).get("k1"))).toBe("STORE_NOT_READY");
  });

  it("are told what there is, and who has what of it", async () => {
    const cluster = new Cluster({ seed: 13 });
    await fed(cluster);
    const apps: App[] = [];
    for (const instanceId of ["a", "b"])
      apps.push(await cluster.start(program, { instanceId, endpoint: `${instanceId}.example:80`, standbys: 1 }));
    await cluster.clock.advance(60_000);
    for (const [me, app] of apps.entries()) {
      expect([...app.stores()].sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
        { name: "counts", kind: "key-value", partitions: 4 },
        { name: "per-ten-seconds", kind: "window", partitions: 4 },
        { name: "prices", kind: "versioned", partitions: 4 },
        { name: "rates", kind: "key-value", partitions: 1 },
        { name: "seen", kind: "key-value", partitions: 4 },
        { name: "visits", kind: "session", partitions: 4 },
      ]);
      const instances = app.instances();
      expect(instances.map(({ instance, endpoint, local }) => [instance, endpoint, local])).toEqual([
        ["a", "a.example:80", me === 0],
        ["b", "b.example:80", me === 1],
      ]);
      const [a, b] = instances.map(({ stores }) => stores.get("counts")!);
      expect([...a!, ...b!].sort()).toEqual([0, 1, 2, 3]);
      expect(instances.map(({ standbys }) => standbys.get("counts"))).toEqual([b, a]);
      // Each partition by itself; what is elsewhere is refused when it is asked for.
      const parts = [0, 1, 2, 3].map((partition) => {
        const owner = apps[a!.includes(partition) ? 0 : 1]!;
        const found = [...owner.store(counts, { partition }).all()].map(([key]) => key);
        const other = apps[a!.includes(partition) ? 1 : 0]!;
        expect(refusal(() => other.store(counts, { partition }).all())).toBe("KEY_ELSEWHERE");
        expect([...other.store(counts, { partition, maxLag: 100 }).all()].map(([key]) => key)).toEqual(found);
        return found;
      });
      expect(parts).toEqual([0, 1, 2, 3].map((partition) => keys.filter((key) => partitionOf(key) === partition).sort()));
      for (const partition of [-1, 4, 0.5]) expect(refusal(() => app.store(counts, { partition }).all())).toBe("STORE_UNKNOWN");
    }
    await cluster.close();
  });

  it("see what is committed, or what was done last, as they say; a view can only look", async () => {
    const cluster = new Cluster({ seed: 6 });
    await fed(cluster);
    const counting = topology("counting", ({ from }) => {
      from(words).keyBy().count(counts);
    });
    const app = await cluster.start(counting, { commit: { interval: millis(30_000) }, transactionTimeout: minutes(3) });
    await cluster.clock.advance(20_000);
    const [committed, latest] = [app.store(counts), app.store(counts, { read: "latest" })];
    expect([committed.get("k1"), latest.get("k1")]).toEqual([undefined, 3]);
    expect([[...committed.all()].length, [...latest.all()].length]).toEqual([0, 20]);
    await cluster.clock.advance(40_000);
    expect([committed.get("k1"), latest.get("k1")]).toEqual([3, 3]);
    expect(Object.keys(committed).sort()).toEqual(["all", "approximateSize", "get", "prefix", "range", "timestampOf"]);
    // What was looked at is nobody else's.
    await cluster.produce(words, [{ key: "k1", value: "again", timestamp: 13_000 }]);
    await cluster.clock.advance(40_000);
    expect(committed.get("k1")).toBe(4);
    await cluster.close();
  });

  it("wait for what the asker has seen elsewhere", async () => {
    const cluster = new Cluster({ seed: 8 });
    await fed(cluster);
    const app = await cluster.start(program);
    await cluster.clock.advance(20_000);
    const [id, offset] = [...app.positions(counts)].find(
      ([id]) => id === `words/${partitionOf("k1")}` || id === `words-${partitionOf("k1")}`,
    )!;
    expect(app.store(counts, { atLeast: new Map([[id, offset]]) }).get("k1")).toBe(3);
    const later = app.store(counts, { atLeast: new Map([[id, offset + 1]]) });
    expect(refusal(() => later.get("k1"))).toBe("STORE_NOT_READY");
    await cluster.produce(words, [{ key: "k1", value: "again", timestamp: 13_000 }]);
    await cluster.clock.advance(1000);
    expect(later.get("k1")).toBe(4);
    await cluster.close();
  });

  it("are answered by standbys where the asker takes what is behind", async () => {
    const cluster = new Cluster({ seed: 9 });
    await fed(cluster);
    const apps: App[] = [];
    for (const instanceId of ["a", "b"]) apps.push(await cluster.start(program, { instanceId, standbys: 1 }));
    await cluster.clock.advance(60_000);
    for (const key of keys) {
      const [here, there] = sides(apps, key);
      expect(refusal(() => there.store(counts).get(key))).toBe("KEY_ELSEWHERE");
      expect(there.store(counts, { maxLag: 10 }).get(key)).toBe(3);
      expect(there.ownerOf(counts, key).standbys.map(({ instance }) => instance)).toEqual([apps[0] === here ? "b" : "a"]);
    }
    for (const app of apps) expect([...app.store(counts, { maxLag: 10 }).all()]).toHaveLength(keys.length);
    await cluster.close();
  });

  it("are refused while a task is on its way, and found at the new place afterwards", async () => {
    const cluster = new Cluster({ seed: 10 });
    await fed(cluster);
    const group = { sessionTimeout: seconds(6), heartbeat: seconds(1) };
    const first = await cluster.start(program, { instanceId: "a", group });
    const second = await cluster.start(program, { instanceId: "b", group });
    await cluster.clock.advance(20_000);
    const key = keys.find((key) => first.ownerOf(counts, key).local)!;
    first.kill();
    await cluster.clock.advance(1000);
    expect(refusal(() => second.store(counts).get(key))).toBe("KEY_ELSEWHERE");
    await cluster.clock.advance(20_000);
    expect([second.store(counts).get(key), second.ownerOf(counts, key).local]).toEqual([3, true]);
    expect([...second.store(counts).all()]).toHaveLength(keys.length);
    await cluster.close();
  });

  it("about what nobody keeps are refused with what there is", async () => {
    const cluster = new Cluster({ seed: 11 });
    await fed(cluster);
    const app = await cluster.start(program);
    expect(() => app.store("nothing")).toThrow(
      "Topology 'asked' keeps nothing under the name 'nothing' that could be read: it has 'counts', 'per-ten-seconds', 'visits'",
    );
    await cluster.close();
  });

  it("are refused until the task is there", async () => {
    const cluster = new Cluster({ seed: 12 });
    await fed(cluster);
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const stores: StoreEngine = {
      open: async (id) => {
        await opened;
        return memoryStores.open(id);
      },
    };
    const app = await cluster.start(program, { stores });
    await cluster.clock.advance(20_000);
    expect(refusal(() => app.store(counts).get("k1"))).toBe("STORE_NOT_READY");
    expect(refusal(() => app.store(counts).all())).toBe("STORE_NOT_READY");
    open();
    await cluster.clock.advance(20_000);
    expect(app.store(counts).get("k1")).toBe(3);
    await cluster.close();
  });
});
