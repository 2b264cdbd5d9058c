import { describe, expect, it } from "@jest/globals";
import { seconds } from "../../../core/duration.ts";
import { sleep } from "../../../core/ports/clock.ts";
import type { App } from "../../../core/runtime/app.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { valueState } from "../../../core/state/descriptors.ts";
import { monotonic } from "../../../core/time/watermark_strategy.ts";
import { sink } from "../../../topology/sink.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";
import { FaultyLink } from "../../support/faulty_link.ts";

const orders = topic("orders", { key: text, value: text });
const others = topic("others", { key: text, value: text });
const out = topic("out", { key: text, value: integer });
const KiB = 1024;

const world = async (partitions = 2) => {
  const cluster = new Cluster();
  for (const { name } of [orders, others, out]) await cluster.create(name, partitions);
  return cluster;
};

const gauge = (app: App, name: string, tags: Readonly<Record<string, string>> = {}): number =>
  [...app.metrics()]
    .filter((one) => one.name === name && Object.entries(tags).every(([tag, value]) => one.tags[tag] === value))
    .reduce((sum, { value }) => sum + value, 0);

/** By buffer: what it has held at most, and what it may hold. */
const peaks = (app: App): readonly (readonly [buffer: string, peak: number, limit: number])[] =>
  [...app.metrics()].flatMap(({ name, tags, value }) =>
    name === "buffered_bytes_peak"
      ? [[tags["buffer"]!, value, gauge(app, "buffered_bytes_limit", { buffer: tags["buffer"]! })] as const]
      : [],
  );

const expectWithinBounds = (app: App): void => {
  for (const [buffer, peak, limit] of peaks(app)) if (peak > limit) throw new Error(`'${buffer}' held ${peak} bytes of at most ${limit}`);
};

const padding = "x".repeat(400);
/** So many records, each with a number of its own and a key that some others have. */
const numbered = (from: number, to: number, keys = 200) =>
  Array.from({ length: to - from }, (_, i) => ({ key: `k${(from + i) % keys}`, value: `${from + i} ${padding}` }));

describe("what an application buffers", () => {
  it("stays within every bound, and nothing is lost or doubled, when the input is fast and both a sink and an asynchronous step are slow", async () => {
    const cluster = await world();
    const written: number[] = [];
    const slow = topology("slow", ({ from }) => {
      from(orders)
        .keyBy((value) => value.slice(0, 3))
        .process("count", {
          state: { last: valueState({ initial: "" }) },
          onRecord(value, { state }) {
            state.last.set(value);
            return [value];
          },
        })
        .mapAsync("ask", (value) => sleep(cluster.clock, 20).then(() => value), { order: "none", capacity: 1000 })
        .to(
          sink<string>("slow", {
            write: async (batch) => {
              await sleep(cluster.clock, 100);
              for (const { value } of batch) written.push(Number.parseInt(value, 10));
            },
          }),
        );
    });
    const app = await cluster.start(slow, {
      memory: {
        inputBytes: 64 * KiB,
        overlayBytes: 512 * KiB,
        cacheBytes: 64 * KiB,
        internalBytes: 1024 * KiB,
        pendingBytes: 64 * KiB,
        restoreBytes: 64 * KiB,
      },
    });
    const records = 12_000;
    for (let at = 0; at < records; at += 1000) await cluster.produce(orders, numbered(at, at + 1000));
    let most = { paused: 0, internal: 0 };
    for (let waited = 0; written.length < records && waited < 3600; waited++) {
      await cluster.clock.advance(100);
      expectWithinBounds(app);
      most = {
        paused: Math.max(most.paused, gauge(app, "paused_partitions", { reason: "buffer" })),
        internal: Math.max(most.internal, gauge(app, "paused_partitions", { reason: "internal" })),
      };
    }
    await cluster.clock.advance(1000);
    expect(written.toSorted((a, b) => a - b)).toEqual(Array.from({ length: records }, (_, number) => number));
    // The bounds were what held it back, not the lack of input.
    expect(most.paused).toBeGreaterThan(0);
    expect(most.internal).toBe(2);
    for (const buffer of ["input", "internal", "pending"]) {
      const [, peak, limit] = peaks(app).find(([name]) => name === buffer)!;
      expect([buffer, peak > limit / 4]).toEqual([buffer, true]);
    }
    expect(gauge(app, "buffered_bytes", { buffer: "input" })).toBe(0);
    expect(gauge(app, "buffered_bytes", { buffer: "pending" })).toBe(0);
    expect(gauge(app, "paused_partitions")).toBe(0);
    await cluster.close();
  });

  it("shows which partitions are paused, why, for how long, and what they hold", async () => {
    const cluster = await world(1);
    const asked: (() => void)[] = [];
    const waits = topology("waits", ({ from }) => {
      from(orders)
        .mapAsync("ask", (value) => new Promise<string>((resolve) => asked.push(() => resolve(value))), { capacity: 1 })
        .map((value) => Number.parseInt(value, 10))
        .to(out);
    });
    const app = await cluster.start(waits, { memory: { inputBytes: 40_000 } });
    await cluster.produce(orders, numbered(0, 1000));
    await cluster.clock.advance(1000);
    const tags = { topic: "orders", partition: "0" };
    expect(gauge(app, "paused_partitions", { reason: "buffer" })).toBe(1);
    expect(gauge(app, "input_bytes", tags)).toBeGreaterThan(15_000);
    expect(gauge(app, "input_bytes", tags)).toBeLessThanOrEqual(40_000);
    expect(gauge(app, "input_records", tags)).toBeGreaterThan(gauge(app, "input_bytes", tags) / (padding.length + 50));
    expect(gauge(app, "input_records", tags)).toBeLessThan(gauge(app, "input_bytes", tags) / padding.length);
    expect([gauge(app, "pending_records"), gauge(app, "buffered_bytes", { buffer: "input" })]).toEqual([
      1,
      gauge(app, "input_bytes", tags),
    ]);
    expect(gauge(app, "pending_bytes")).toBeGreaterThan(400);
    const before = gauge(app, "paused_ms", tags);
    await cluster.clock.advance(10_000);
    expect(gauge(app, "paused_ms", tags) - before).toBe(10_000);
    for (let answered = 0; answered < 1000; answered++) {
      asked.shift()!();
      await cluster.clock.advance(1);
    }
    const after = gauge(app, "paused_ms", tags);
    await cluster.clock.advance(10_000);
    expect([gauge(app, "paused_ms", tags) - after, gauge(app, "paused_partitions"), gauge(app, "input_bytes", tags)]).toEqual([0, 0, 0]);
    expect((await cluster.read(out)).map(({ value }) => value)).toEqual(Array.from({ length: 1000 }, (_, number) => number));
    app.pause();
    await cluster.clock.advance(500);
    expect(gauge(app, "paused_partitions", { reason: "application" })).toBe(1);
    app.resume();
    await cluster.close();
  });

  it("counts what waits behind others in event time, and leaves the rest of it in the log", async () => {
    const cluster = await world(1);
    const aligned = topology("aligned", ({ from }) => {
      const time = (value: string) => Number.parseInt(value, 10) * 1000;
      const options = { timestamp: time, watermarks: monotonic(), alignment: { group: "both", maxDrift: seconds(60) } };
      from(orders, options)
        .union(from(others, options))
        .map((value) => Number.parseInt(value, 10))
        .to(out);
    });
    const app = await cluster.start(aligned, { memory: { inputBytes: 200 * KiB } });
    await cluster.produce(others, numbered(0, 1));
    await cluster.clock.advance(500);
    for (let at = 0; at < 3000; at += 500) {
      await cluster.produce(orders, numbered(at, at + 500));
      await cluster.clock.advance(300);
      expectWithinBounds(app);
    }
    expect(gauge(app, "paused_partitions", { reason: "alignment" })).toBe(1);
    expect(gauge(app, "records_in", { topic: "orders" })).toBeLessThan(1500);
    await cluster.produce(others, numbered(3000, 3001));
    await cluster.clock.advance(20_000);
    expectWithinBounds(app);
    expect(await cluster.read(out)).toHaveLength(3002);
    await cluster.close();
  });

  it("commits early, and waits for a commit that takes long, when much is changed", async () => {
    const cluster = await world(1);
    let slow = false;
    const link = new FaultyLink({
      clock: cluster.clock,
      latencyMs: () => 1,
      faultMs: () => 3000,
      fault: (kind) => (slow && kind === "EndTxn" ? "delayed" : undefined),
    });
    const keeps = topology("keeps", ({ from }) => {
      from(orders)
        .keyBy()
        .process("keep", {
          state: { last: valueState({ initial: "" }) },
          onRecord(value, { state }) {
            state.last.set(value);
            return [Number.parseInt(value, 10)];
          },
        })
        .to(out);
    });
    let commits = 0;
    const app = await cluster.start(keeps, {
      log: cluster.memory.connect(link),
      commit: { interval: seconds(300), timeout: seconds(900) },
      transactionTimeout: seconds(900),
      memory: { overlayBytes: 400 * KiB },
      on: { commit: () => void commits++ },
    });
    slow = true;
    await cluster.produce(orders, numbered(0, 3000, 3000));
    await cluster.clock.advance(2000);
    expect(gauge(app, "uncommitted_bytes")).toBeGreaterThan(200 * KiB);
    expect(gauge(app, "records_in")).toBeLessThan(1000);
    expect(gauge(app, "backpressured_ms")).toBeGreaterThan(1000);
    for (let waited = 0; gauge(app, "records_in") < 3000 && waited < 600; waited++) {
      await cluster.clock.advance(100);
      expectWithinBounds(app);
    }
    expect(commits).toBeGreaterThan(5);
    await cluster.close();
    expect((await cluster.read(out)).map(({ value }) => value)).toEqual(Array.from({ length: 3000 }, (_, number) => number));
  });

  it("keeps decoded state within its bound over all tasks, also with commits under way, and counts right", async () => {
    const cluster = await world(4);
    const counts = topology("counts", ({ from }) => {
      from(orders).keyBy().count("count").to(out);
    });
    const app = await cluster.start(counts, { memory: { cacheBytes: 100 * KiB } });
    const keys = 2000;
    for (let round = 0; round < 5; round++) {
      await cluster.produce(orders, numbered(0, keys, keys));
      for (let ms = 0; ms < 300; ms += 10) {
        await cluster.clock.advance(10);
        expectWithinBounds(app);
      }
    }
    expect(gauge(app, "cached_bytes")).toBeGreaterThan(50 * KiB);
    expect(gauge(app, "state_bytes", { store: "count" })).toBeGreaterThan(keys * 10);
    const rows = new Map((await cluster.read(out)).map(({ key, value }) => [key, value]));
    expect(rows.size).toBe(keys);
    expect(new Set(rows.values())).toEqual(new Set([5]));
    await cluster.close();
  });
});
