import { describe, expect, it } from "@jest/globals";
import { memoryLog } from "../../../core/log/mod.ts";
import { type Log, noHeaders, partitionId } from "../../../core/ports/log.ts";
import { silent } from "../../../core/ports/logger.ts";
import { Counters } from "../../../core/runtime/counters.ts";
import type { SubtopologyPlan } from "../../../core/runtime/plan.ts";
import { type RestoreProgress, StoreFollower } from "../../../core/runtime/store_follower.ts";
import { TaskStores } from "../../../core/runtime/task_stores.ts";
import { keyCodec } from "../../../core/state/codecs.ts";
import { MemoryStore } from "../../../core/state/memory_store.ts";
import { VirtualClock } from "../../../core/time_source/virtual_clock.ts";
import { FaultyLink } from "../../support/faulty_link.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string | undefined => (value === undefined ? undefined : new TextDecoder().decode(value));
const changelog = { topic: "changelog", partition: 0 };

const plan: SubtopologyPlan = { id: 0, inputs: [], nodes: [], copartitioned: [] };

const world = async () => {
  const clock = new VirtualClock();
  const memory = memoryLog({ clock });
  const link = new FaultyLink({ clock, faultMs: () => 100 });
  const log: Log = memory.connect(link);
  await clock.complete(
    log.admin.create([{ topic: "changelog", partitions: 1, replication: -1, config: { "cleanup.policy": "compact,delete" } }]),
  );
  const write = async (
    entries: Readonly<Record<string, string | null>>,
    end: "commit" | "abort" | "leave open" = "commit",
    id = "writer",
  ): Promise<void> => {
    const producer = await log.producer({ transactionalId: id, transactionTimeoutMs: 60_000 });
    const outbox = log.outbox();
    for (const [key, value] of Object.entries(entries))
      outbox.append("changelog", 0, bytes(key), value === null ? null : bytes(value), clock.now(), noHeaders);
    await producer.send(outbox);
    if (end === "commit") await producer.commit();
    else if (end === "abort") await producer.abort();
  };
  const store = new MemoryStore();
  const progress: RestoreProgress[] = [];
  const stores = new TaskStores("0_0", plan, 0, [{ store, name: "store", keys: keyCodec(undefined), origin: changelog }]);
  const counters = new Counters();
  const follower = new StoreFollower({
    log,
    clock,
    logger: silent,
    counters,
    fetchBytes: 8 << 20,
    groupId: "group",
    onProgress: (one) => void progress.push(one),
  });
  const run = async (signal: AbortSignal = new AbortController().signal) =>
    follower.restore(stores, await follower.ranges([stores]), signal);
  const follow = async () => follower.follow(stores, await follower.ranges([stores]));
  const end = async (): Promise<number> =>
    (await log.admin.offsets([changelog], "latest", "read-uncommitted")).get(partitionId("changelog", 0))!;
  const entries = () => Object.fromEntries([...store.range(undefined, undefined)].map(([key, value]) => [text(key), text(value)]));
  return { clock, memory, log, link, write, store, stores, follower, counters, progress, run, follow, end, entries };
};

describe("restoring a store", () => {
  it("gives what was committed last, without what was deleted or aborted", async () => {
    const { clock, write, run, entries, store, end, progress } = await world();
    await clock.complete(write({ a: "1", b: "1", c: "1" }));
    await clock.complete(write({ a: "2", b: null }));
    await clock.complete(write({ a: "never", d: "never" }, "abort"));
    await clock.complete(run());
    expect(entries()).toEqual({ a: "2", c: "1" });
    // The log ends with records that nobody sees: the position says when it is done, not the last record.
    expect(store.position?.changelogOffset).toBe(await clock.complete(end()));
    expect(progress.at(-1)).toMatchObject({ store: "store", partition: 0, done: progress.at(-1)!.total });
  });

  it("waits for a transaction that is open in its changelog, however it ends", async () => {
    for (const outcome of ["commit", "abort"] as const) {
      const { clock, write, run, entries, log } = await world();
      await clock.complete(write({ a: "1" }));
      const producer = await clock.complete(log.producer({ transactionalId: "slow", transactionTimeoutMs: 60_000 }));
      const outbox = log.outbox();
      outbox.append("changelog", 0, bytes("a"), bytes("2"), clock.now(), noHeaders);
      await clock.complete(producer.send(outbox));
      let done = false;
      const restoring = run().then(() => (done = true));
      await clock.advance(5000);
      expect(done).toBe(false);
      await clock.complete(outcome === "commit" ? producer.commit() : producer.abort());
      await clock.complete(restoring);
      expect(entries()).toEqual({ a: outcome === "commit" ? "2" : "1" });
    }
  });

  it("goes on from where the store is, and begins anew when the store is ahead of its log", async () => {
    const { clock, write, run, entries, store, end } = await world();
    await clock.complete(write({ a: "1" }));
    await clock.complete(run());
    await clock.complete(write({ b: "1" }));
    store.write([{ key: bytes("mine"), value: bytes("kept") }], store.position!);
    await clock.complete(run());
    expect(entries()).toEqual({ a: "1", b: "1", mine: "kept" });
    store.write([{ key: bytes("foreign"), value: bytes("of another log") }], { changelogOffset: (await clock.complete(end())) + 5 });
    await clock.complete(run());
    expect(entries()).toEqual({ a: "1", b: "1" });
  });

  it("says of an empty changelog that the store is complete", async () => {
    const { clock, run, store } = await world();
    await clock.complete(run());
    expect(store.position).toEqual({ changelogOffset: 0 });
  });

  it("begins anew when the log loses what it has not read yet", async () => {
    const { clock, write, run, entries, log, link } = await world();
    await clock.complete(write({ a: "1", b: "1" }));
    await clock.complete(write({ a: "2" }));
    let deleted = false;
    // Between the look at where the log begins and the first fetch its beginning goes.
    link.fault = (kind) => {
      if (kind !== "Fetch" || deleted) return undefined;
      deleted = true;
      return "delayed";
    };
    const restoring = run();
    await clock.advance(50);
    expect(deleted).toBe(true);
    await clock.complete(log.admin.deleteRecords([{ ...changelog, offset: 3 }]));
    await clock.complete(restoring);
    expect(entries()).toEqual({ a: "2" });
  });

  it("ends at the end of the log that is there, when that was made anew while it was read", async () => {
    const { clock, write, run, entries, log, link } = await world();
    await clock.complete(write({ a: "1", b: "1", c: "1" }));
    let asked = false;
    link.fault = (kind) => {
      if (kind !== "Fetch" || asked) return undefined;
      asked = true;
      return "delayed";
    };
    const restoring = run();
    await clock.advance(50);
    expect(asked).toBe(true);
    await clock.complete(log.admin.deleteRecords([{ ...changelog, offset: 4 }]));
    await clock.complete(restoring);
    expect(entries()).toEqual({});
  });

  it("outlives fetches that get lost, and stops when it is told to", async () => {
    const { clock, write, run, entries, link, follower } = await world();
    await clock.complete(write({ a: "1" }));
    let lost = 0;
    link.fault = (kind) => (kind === "Fetch" && lost++ < 5 ? "response-lost" : undefined);
    await clock.complete(run());
    expect(entries()).toEqual({ a: "1" });
    await clock.complete(write({ b: "1" }));
    link.fault = (kind) => (kind === "Fetch" ? "request-lost" : undefined);
    const cancelled = new AbortController();
    const restoring = run(cancelled.signal);
    await clock.advance(10_000);
    cancelled.abort();
    await clock.complete(restoring, 1000);
    expect(entries()).toEqual({ a: "1" });
    await clock.complete(follower.close());
    expect(clock.nextDueMs).toBeUndefined();
  });

  it("reads several stores side by side, each ready as soon as it is at its own end", async () => {
    const { clock, log, follower, write } = await world();
    await clock.complete(log.admin.create([{ topic: "other", partitions: 1, replication: -1, config: { "cleanup.policy": "compact" } }]));
    await clock.complete(write({ a: "1" }));
    const producer = await clock.complete(log.producer({ transactionalId: "slow", transactionTimeoutMs: 60_000 }));
    const outbox = log.outbox();
    outbox.append("other", 0, bytes("b"), bytes("1"), clock.now(), noHeaders);
    await clock.complete(producer.send(outbox));
    const tasks = ["changelog", "other"].map(
      (topic, i) =>
        new TaskStores(`0_${i}`, plan, i, [
          { store: new MemoryStore(), name: "store", keys: keyCodec(undefined), origin: { topic, partition: 0 } },
        ]),
    );
    const ranges = await clock.complete(follower.ranges(tasks));
    const ready: string[] = [];
    const { signal } = new AbortController();
    const all = Promise.all(tasks.map((one) => follower.restore(one, ranges, signal).then(() => ready.push(one.id))));
    await clock.advance(2000);
    expect(ready).toEqual(["0_0"]);
    await clock.complete(producer.commit());
    await clock.complete(all);
    expect(ready).toEqual(["0_0", "0_1"]);
  });

  it("lets others have their turn between batches, and says how far it is and how fast", async () => {
    const { clock, write, run, progress, counters, store } = await world();
    const many = Object.fromEntries(Array.from({ length: 9000 }, (_, i) => [`key-${i}`, "x".repeat(100)]));
    await clock.complete(write(many));
    const restoring = clock.complete(run());
    await restoring;
    expect(store.approximateEntries).toBe(9000);
    expect(counters.total("restored_records")).toBe(9000);
    expect(progress.length).toBeGreaterThan(1);
    for (const [before, after] of progress.slice(1).map((one, i) => [progress[i]!, one] as const))
      expect(after.done).toBeGreaterThan(before.done);
    expect(progress.at(-1)).toMatchObject({ task: "0_0", done: progress[0]!.total });
  });
});

describe("a standby", () => {
  it("follows what is committed, and nothing else, until it is stopped", async () => {
    const { clock, write, follow, follower, stores, entries, counters } = await world();
    await clock.complete(write({ a: "1" }));
    await clock.complete(follow());
    await clock.advance(1000);
    expect(entries()).toEqual({ a: "1" });
    await clock.complete(write({ a: "2", b: "1" }));
    await clock.complete(write({ a: "never" }, "abort"));
    await clock.advance(1000);
    expect(entries()).toEqual({ a: "2", b: "1" });
    expect([follower.follows(stores), follower.lagOf(stores)]).toEqual([true, 0]);
    follower.stop(stores);
    await clock.complete(write({ c: "1" }));
    await clock.advance(1000);
    expect(entries()).toEqual({ a: "2", b: "1" });
    expect(counters.total("standby_records")).toBe(3);
  });

  it("that is promoted reads only what it has not read yet", async () => {
    const { clock, write, follow, follower, stores, run, entries, progress, end } = await world();
    await clock.complete(write({ a: "1", b: "1", c: "1" }));
    await clock.complete(follow());
    await clock.advance(1000);
    follower.stop(stores);
    const from = await clock.complete(end());
    await clock.complete(write({ d: "1" }));
    await clock.complete(run());
    expect(entries()).toEqual({ a: "1", b: "1", c: "1", d: "1" });
    expect(progress.map(({ total }) => total)).toEqual([(await clock.complete(end())) - from]);
  });

  it("begins anew when its log is made anew", async () => {
    const { clock, write, follow, follower, entries, log } = await world();
    await clock.complete(write({ a: "1", b: "1" }));
    await clock.complete(follow());
    await clock.advance(1000);
    await clock.complete(write({ c: "1" }, "leave open"));
    await clock.advance(100);
    // The position of the standby is gone with the records before it.
    await clock.complete(log.admin.deleteRecords([{ ...changelog, offset: 3 }]));
    await clock.complete(log.producer({ transactionalId: "writer", transactionTimeoutMs: 60_000 }));
    await clock.complete(write({ d: "1" }));
    await clock.advance(2000);
    expect(entries()["d"]).toBe("1");
    await clock.complete(follower.close());
    expect(clock.nextDueMs).toBeUndefined();
  });
});
