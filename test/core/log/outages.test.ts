import { describe, expect, it } from "@jest/globals";
import { type MemoryLog, memoryLog } from "../../../core/log/mod.ts";
import { type GroupMember, type GroupMetadata, type Log, noHeaders } from "../../../core/ports/log.ts";
import { VirtualClock } from "../../../core/time_source/virtual_clock.ts";

const settled = async (clock: VirtualClock): Promise<{ readonly memory: MemoryLog; readonly log: Log }> => {
  const memory = memoryLog({ clock });
  const log = memory.connect();
  await clock.complete(log.admin.create([{ topic: "letters", partitions: 2, replication: -1, config: {} }]));
  return { memory, log };
};

const send = async (log: Log, partition: number): Promise<void> => {
  const producer = await log.producer({ transactionalId: null, transactionTimeoutMs: 10_000 });
  const outbox = log.outbox();
  outbox.append("letters", partition, null, new Uint8Array([1]), 0, noHeaders);
  await producer.send(outbox);
};

/** How long something took in virtual time. */
const duration = async (clock: VirtualClock, work: Promise<unknown>): Promise<number> => {
  const began = clock.monotonic();
  await clock.complete(work);
  return clock.monotonic() - began;
};

describe("a partition whose leader changes", () => {
  it("is written and read as soon as another one leads, and others meanwhile", async () => {
    const clock = new VirtualClock();
    const { memory, log } = await settled(clock);
    memory.leaderAway("letters", 0, 2_000);
    expect(await duration(clock, send(log, 1))).toBeLessThan(10);
    const took = await duration(clock, send(log, 0));
    expect(took).toBeGreaterThanOrEqual(2_000);
    expect(took).toBeLessThan(2_500);
  });

  it("brings nothing while nobody leads, which is no error", async () => {
    const clock = new VirtualClock();
    const { memory, log } = await settled(clock);
    await clock.complete(send(log, 0));
    memory.leaderAway("letters", 0, 2_000);
    const fetcher = log.fetcher({ isolation: "read-committed" });
    const at = [{ topic: "letters", partition: 0, offset: 0 }];
    expect(await clock.complete(fetcher.poll(at, 500))).toEqual([]);
    await clock.advance(2_000);
    expect((await clock.complete(fetcher.poll(at, 500))).map(({ nextOffset }) => nextOffset)).toEqual([1]);
  });

  it("with too few replicas is read and not written", async () => {
    const clock = new VirtualClock();
    const { memory, log } = await settled(clock);
    memory.leaderAway("letters", 0, 2_000, "NOT_ENOUGH_REPLICAS");
    expect(await duration(clock, log.admin.offsets([{ topic: "letters", partition: 0 }], "latest", "read-committed"))).toBe(0);
    expect(await duration(clock, send(log, 0))).toBeGreaterThanOrEqual(2_000);
  });
});

describe("a coordinator that moves", () => {
  it("of transactions keeps what is open, and ends it when it is there again", async () => {
    const clock = new VirtualClock();
    const { memory, log } = await settled(clock);
    const producer = await clock.complete(log.producer({ transactionalId: "t", transactionTimeoutMs: 10_000 }));
    const outbox = log.outbox();
    outbox.append("letters", 0, null, new Uint8Array([1]), 0, noHeaders);
    await clock.complete(producer.send(outbox));
    memory.moveCoordinator("transaction", 1_000);
    expect(await duration(clock, producer.commit())).toBeGreaterThanOrEqual(1_000);
    const ends = await clock.complete(log.admin.offsets([{ topic: "letters", partition: 0 }], "latest", "read-committed"));
    expect([...ends.values()]).toEqual([2]);
  });

  it("of a group goes on with the last whole generation: who was in it stays, who was on the way in comes again", async () => {
    const clock = new VirtualClock();
    const { memory } = await settled(clock);
    const generations: GroupMetadata[] = [];
    const lost: string[] = [];
    const join = (name: string): GroupMember =>
      memory.connect().join({
        groupId: "g",
        protocols: ["p"],
        topics: ["letters"],
        sessionTimeoutMs: 6_000,
        rebalanceTimeoutMs: 5_000,
        heartbeatMs: 1_000,
        subscription: () => new Uint8Array(0),
        assign: (members) => new Map(members.map(({ memberId }) => [memberId, { partitions: [], userData: new Uint8Array(0) }])),
        onRebalance: async (reason) => void (reason === "lost" && lost.push(name)),
        onAssigned: async (_assignment, group) => void generations.push(group),
        onError: (error) => lost.push(`${name}: ${error.message}`),
      });
    const first = join("first");
    await clock.advance(100);
    expect(generations.map(({ generationId }) => generationId)).toEqual([1]);
    const second = join("second");
    // The first one has not heard of the rebalance when the coordinator moves.
    await clock.advance(100);
    memory.moveCoordinator("group", 500);
    await clock.advance(10_000);
    expect(lost).toEqual([]);
    expect(first.metadata.generationId).toBe(second.metadata.generationId);
    expect(first.metadata.memberId).toBe(generations[0]!.memberId);
    await clock.complete(Promise.all([first.leave(), second.leave()]));
  });
});
