import { describe, expect, it } from "@jest/globals";
import { memoryLog } from "../../../core/log/mod.ts";
import { type Log, noHeaders, partitionId } from "../../../core/ports/log.ts";
import { type RestoreProgress, restore } from "../../../core/runtime/restore.ts";
import { MemoryStore } from "../../../core/state/memory_store.ts";
import { VirtualClock } from "../../../core/time_source/virtual_clock.ts";
import { FaultyLink } from "../../support/faulty_link.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string | undefined => (value === undefined ? undefined : new TextDecoder().decode(value));
const changelog = { topic: "changelog", partition: 0 };

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
  const run = (isCancelled: () => boolean = () => false) =>
    restore(log, [{ store, name: "store", ...changelog }], { isCancelled, onProgress: (one) => void progress.push(one) });
  const end = async (): Promise<number> =>
    (await log.admin.offsets([changelog], "latest", "read-uncommitted")).get(partitionId("changelog", 0))!;
  const entries = () => Object.fromEntries([...store.range(undefined, undefined)].map(([key, value]) => [text(key), text(value)]));
  return { clock, memory, log, link, write, store, progress, run, end, entries };
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

  it("outlives fetches that get lost, and stops when it is told to", async () => {
    const { clock, write, run, entries, link } = await world();
    await clock.complete(write({ a: "1" }));
    let lost = 0;
    link.fault = (kind) => (kind === "Fetch" && lost++ < 5 ? "response-lost" : undefined);
    await clock.complete(run());
    expect(entries()).toEqual({ a: "1" });
    await clock.complete(write({ b: "1" }));
    link.fault = (kind) => (kind === "Fetch" ? "request-lost" : undefined);
    let cancelled = false;
    const restoring = run(() => cancelled);
    await clock.advance(10_000);
    cancelled = true;
    await clock.complete(restoring, 1000);
    expect(entries()).toEqual({ a: "1" });
    expect(clock.nextDueMs).toBeUndefined();
  });
});
