import { describe, expect, it } from "@jest/globals";
import { GroupCoordinator } from "../../../core/log/group_coordinator.ts";
import type { JoinAnswer, Joined } from "../../../core/log/group_requests.ts";
import { PartitionLog } from "../../../core/log/partition_log.ts";
import { topicSettings } from "../../../core/log/topic_settings.ts";
import { TransactionCoordinator } from "../../../core/log/transaction_coordinator.ts";
import { VirtualClock } from "../../../core/time_source/mod.ts";

const newTransactions = (transactionVersion: 1 | 2, markerDelayMs = 0) => {
  const clock = new VirtualClock();
  const ended: string[] = [];
  const coordinator = new TransactionCoordinator({
    clock,
    transactionVersion,
    transactionTimeoutMaxMs: 900_000,
    transactionCheckMs: 10_000,
    markerDelayMs: () => markerDelayMs,
    endInGroup: (groupId, producerId, marker) => ended.push(`${groupId} ${producerId} ${marker}`),
  });
  const partition = new PartitionLog("t", 0, topicSettings("t", {}), { clock, compactionBytes: Number.POSITIVE_INFINITY });
  const open = () => ({ transactionalId: "id", ...coordinator.initProducerId("id", 60_000) });
  return { clock, coordinator, partition, open, ended };
};

const code = (expected: string) => expect.objectContaining({ code: expected });

describe("transaction coordinator", () => {
  it("raises the epoch with every end in protocol 2, and keeps it in protocol 1", () => {
    for (const [version, epochs] of [
      [1, [0, 0, 0]],
      [2, [1, 2, 3]],
    ] as const) {
      const { coordinator, partition, open } = newTransactions(version);
      let who = open();
      expect(who.producerEpoch).toBe(0);
      const seen: number[] = [];
      for (const marker of ["commit", "abort", "commit"] as const) {
        coordinator.addPartitions(who, [partition]);
        who = { transactionalId: "id", ...coordinator.end(who, marker) };
        seen.push(who.producerEpoch);
      }
      expect(seen).toEqual(epochs);
      expect(partition.highWatermark).toBe(3);
    }
  });

  it("lets a commit that comes too late end the next transaction in protocol 1, and refuses it in protocol 2", () => {
    const late = (version: 1 | 2): (() => unknown) => {
      const { coordinator, partition, open } = newTransactions(version);
      const who = open();
      coordinator.addPartitions(who, [partition]);
      const next = { transactionalId: "id", ...coordinator.end(who, "abort") };
      coordinator.addPartitions(next, [partition]);
      return () => coordinator.end(who, "commit");
    };
    expect(late(1)).not.toThrow();
    expect(late(2)).toThrow(expect.objectContaining({ disposition: expect.stringMatching(/fenced|epoch/) }));
  });

  it("answers the repetition of an end as it answered the first time", () => {
    for (const version of [1, 2] as const) {
      const { coordinator, partition, open } = newTransactions(version);
      const who = open();
      coordinator.addPartitions(who, [partition]);
      const answer = coordinator.end(who, "commit");
      expect(coordinator.end(who, "commit")).toEqual(answer);
      expect(() => coordinator.end(who, "abort")).toThrow(code("INVALID_TXN_STATE"));
      expect(partition.highWatermark).toBe(1);
    }
  });

  it("has nothing begun again, and gives no new epoch, before all markers are written", async () => {
    for (const version of [1, 2] as const) {
      const { clock, coordinator, partition, open, ended } = newTransactions(version, 50);
      const who = open();
      coordinator.addPartitions(who, [partition]);
      coordinator.addGroup(who, "group");
      const next = { transactionalId: "id", ...coordinator.end(who, "commit") };
      expect([partition.highWatermark, ended.length]).toEqual([0, 0]);
      expect(() => coordinator.addPartitions(next, [partition])).toThrow(code("CONCURRENT_TRANSACTIONS"));
      expect(() => coordinator.initProducerId("id", 1_000)).toThrow(code("CONCURRENT_TRANSACTIONS"));
      await clock.advance(50);
      expect([partition.highWatermark, ended]).toEqual([1, [`group ${who.producerId} commit`]]);
      coordinator.addPartitions(next, [partition]);
      expect(coordinator.initProducerId.bind(coordinator, "id", 1_000)).toThrow(code("CONCURRENT_TRANSACTIONS"));
      await clock.advance(50);
      expect(coordinator.initProducerId("id", 1_000).producerEpoch).toBeGreaterThan(next.producerEpoch);
    }
  });

  it("takes a new producer id when the epochs are used up, and goes on", () => {
    for (const version of [1, 2] as const) {
      const { coordinator, partition, open } = newTransactions(version);
      let who = open();
      const first = who.producerId;
      const ids = new Set([first]);
      let highest = 0;
      for (let i = 0; i < 33_000; i++) {
        coordinator.addPartitions(who, [partition]);
        // In protocol 1 only opening raises the epoch: each time one transaction is cut off by it.
        who = version === 1 ? open() : { transactionalId: "id", ...coordinator.end(who, "commit") };
        highest = Math.max(highest, who.producerEpoch);
        ids.add(who.producerId);
      }
      expect(highest).toBeLessThanOrEqual(32_767);
      expect(ids.size).toBe(version === 1 ? 3 : 2);
      expect([...partitionOf(partition)]).toEqual([33_000, 33_000]);
      expect(() => coordinator.addPartitions({ ...who, producerId: first }, [partition])).toThrow(code("INVALID_PRODUCER_ID_MAPPING"));
    }
  });

  it("lets nothing be appended to a transaction it does not know of", () => {
    const { coordinator, partition, open } = newTransactions(1);
    const who = open();
    expect(() => coordinator.verify(who, partition)).toThrow(code("INVALID_TXN_STATE"));
    expect(() => coordinator.verifyGroup(who, "group")).toThrow(code("INVALID_TXN_STATE"));
    coordinator.addPartitions(who, [partition]);
    coordinator.verify(who, partition);
    expect(() => coordinator.verify({ ...who, producerEpoch: 5 }, partition)).toThrow(code("INVALID_PRODUCER_EPOCH"));
    expect(() => coordinator.verify({ ...who, transactionalId: "other" }, partition)).toThrow(code("INVALID_PRODUCER_ID_MAPPING"));
    coordinator.end(who, "commit");
    expect(() => coordinator.verify(who, partition)).toThrow(code("INVALID_TXN_STATE"));
  });

  it("keeps no timer when no transaction is open", async () => {
    const { clock, coordinator, partition, open } = newTransactions(2);
    const who = open();
    expect(clock.nextDueMs).toBeUndefined();
    coordinator.addPartitions(who, [partition]);
    expect(clock.nextDueMs).toBe(10_000);
    coordinator.end(who, "commit");
    expect(clock.nextDueMs).toBeUndefined();
  });
});

const partitionOf = function* (partition: PartitionLog): Generator<number> {
  yield partition.highWatermark;
  yield partition.lastStableOffset;
};

const newGroups = (initialRebalanceDelayMs = 0) => {
  const clock = new VirtualClock();
  let ids = 0;
  const groups = new GroupCoordinator({
    clock,
    initialRebalanceDelayMs,
    sessionTimeoutMinMs: 6_000,
    sessionTimeoutMaxMs: 1_800_000,
    newMemberId: () => `m${ids++}`,
  });
  const request = (memberId: string, data = "", groupInstanceId: string | null = null) => ({
    groupId: "g",
    memberId,
    groupInstanceId,
    protocols: [["p", new TextEncoder().encode(data)]] as const,
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 20_000,
  });
  const newId = (): string => {
    const answer = groups.join(request(""));
    if (answer instanceof Promise || answer.kind !== "member-id-given") throw new Error("A newcomer is given an id first");
    return answer.memberId;
  };
  const join = async (memberId: string, data = "", groupInstanceId: string | null = null): Promise<Joined> => {
    const answer: JoinAnswer = await groups.join(request(memberId, data, groupInstanceId));
    if (answer.kind !== "joined") throw new Error("A member with an id joins");
    return answer;
  };
  const who = (memberId: string, generationId = -1) => ({ groupId: "g", memberId, groupInstanceId: null, generationId });
  return { clock, groups, newId, join, who };
};

const nothing = { partitions: [], userData: new Uint8Array(0) };

describe("group coordinator", () => {
  it("waits for who was given an id, and no longer than that one's session", async () => {
    const { clock, newId, join } = newGroups();
    const [a] = [newId(), newId()];
    const joined = join(a);
    let done = false;
    void joined.then(() => {
      done = true;
    });
    await clock.advance(9_999);
    expect(done).toBe(false);
    await clock.advance(1);
    expect((await joined).generationId).toBe(1);
  });

  it("gathers in a first generation all who come within the delay", async () => {
    const { clock, newId, join } = newGroups(3_000);
    const [a, b] = [newId(), newId()];
    const first = join(a, "a");
    await clock.advance(2_000);
    const second = join(b, "b");
    const [leader, follower] = await clock.complete(Promise.all([first, second]));
    expect(clock.monotonic()).toBe(3_000);
    expect([leader.generationId, follower.generationId]).toEqual([1, 1]);
    expect(leader.members.map((member) => new TextDecoder().decode(member.userData))).toEqual(["a", "b"]);
    expect(follower.members).toEqual([]);
  });

  it("expels who joined but never asks for its assignment", async () => {
    const { clock, groups, newId, join, who } = newGroups();
    const [a, b] = [newId(), newId()];
    const [leader] = await Promise.all([join(a), join(b)]);
    groups.sync({
      ...who(a, leader.generationId),
      assignments: new Map([
        [a, nothing],
        [b, nothing],
      ]),
    });
    for (let i = 0; i < 5; i++) {
      await clock.advance(5_000 - 1);
      for (const member of [a, b])
        try {
          groups.heartbeat(who(member, leader.generationId));
        } catch {
          expect(clock.monotonic()).toBeGreaterThan(14_000);
        }
    }
    expect(() => groups.heartbeat(who(b, leader.generationId))).toThrow(code("UNKNOWN_MEMBER_ID"));
    expect(() => groups.heartbeat(who(a, leader.generationId))).toThrow(code("REBALANCE_IN_PROGRESS"));
  });

  it("has a settled group begin again for its leader, and for a follower only when that has something new to say", async () => {
    const { clock, groups, newId, join, who } = newGroups();
    const [a, b] = [newId(), newId()];
    const [leader] = await Promise.all([join(a, "a"), join(b, "b")]);
    const assignments = new Map([
      [a, nothing],
      [b, nothing],
    ]);
    groups.sync({ ...who(a, 1), assignments });
    groups.sync({ ...who(b, 1), assignments: null });
    expect((await join(b, "b")).generationId).toBe(leader.generationId);
    const again = Promise.all([join(b, "b2"), clock.advance(10)]);
    expect(() => groups.heartbeat(who(a, 1))).toThrow(code("REBALANCE_IN_PROGRESS"));
    const third = await join(a, "a");
    await again;
    expect([third.generationId, third.members.length]).toEqual([2, 2]);
    groups.sync({ ...who(a, 2), assignments });
    groups.sync({ ...who(b, 2), assignments: null });
    const fourth = join(a, "a");
    expect(() => groups.heartbeat(who(b, 2))).toThrow(code("REBALANCE_IN_PROGRESS"));
    await join(b, "b2");
    expect((await fourth).generationId).toBe(3);
  });

  it("chooses another leader when the leader does not come back", async () => {
    const { clock, groups, newId, join, who } = newGroups();
    const [a, b] = [newId(), newId()];
    const [first] = await Promise.all([join(a), join(b)]);
    expect(first.leaderId).toBe(a);
    groups.sync({ ...who(a, 1), assignments: new Map() });
    groups.leave(who(a));
    const second = await clock.complete(join(b));
    expect([second.leaderId, second.members.length, second.generationId]).toEqual([b, 1, 2]);
  });

  it("gives no assignment while others are joining", async () => {
    const { groups, newId, join, who } = newGroups();
    const [a, b] = [newId(), newId()];
    await Promise.all([join(a), join(b)]);
    groups.sync({ ...who(a, 1), assignments: new Map() });
    groups.leave(who(a));
    expect(() => groups.sync({ ...who(b, 1), assignments: null })).toThrow(code("REBALANCE_IN_PROGRESS"));
  });

  it("does not expel who waits for the others, however long", async () => {
    const { clock, groups, newId, join, who } = newGroups();
    const [a, b] = [newId(), newId()];
    await Promise.all([join(a), join(b)]);
    groups.sync({ ...who(a, 1), assignments: new Map() });
    groups.sync({ ...who(b, 1), assignments: null });
    const waiting = join(a);
    for (let i = 0; i < 3; i++) {
      await clock.advance(6_000);
      expect(() => groups.heartbeat(who(b, 1))).toThrow(code("REBALANCE_IN_PROGRESS"));
    }
    const [later, leader] = await Promise.all([join(b), waiting]);
    expect([later.generationId, leader.members.map((member) => member.memberId)]).toEqual([2, [a, b]]);
  });

  it("keeps the seat of a static member that does not rejoin, until its session is over", async () => {
    const { clock, groups, newId, join, who } = newGroups();
    const seated = join("", "", "seat");
    const a = (await seated).memberId;
    groups.sync({ ...who(a, 1), groupInstanceId: "seat", assignments: new Map() });
    const b = newId();
    const joining = join(b);
    await clock.advance(9_999);
    expect(() => groups.heartbeat({ ...who(a, 1), groupInstanceId: "seat" })).toThrow(code("REBALANCE_IN_PROGRESS"));
    await clock.advance(9_000);
    expect(() => groups.heartbeat({ ...who(a, 1), groupInstanceId: "seat" })).toThrow(code("REBALANCE_IN_PROGRESS"));
    // The rebalance ends without it, and it is still a member of the new generation.
    const leader = await clock.complete(joining);
    expect(clock.monotonic()).toBe(20_000);
    expect(leader.members.map((member) => member.memberId)).toEqual([a, b]);
    await clock.advance(10_000);
    expect(() => groups.heartbeat({ ...who(a, 2), groupInstanceId: "seat" })).toThrow(code("UNKNOWN_MEMBER_ID"));
  });

  it("fences who sat on a seat before, also in the middle of joining, and lets the new one follow even where the old one led", async () => {
    const { groups, newId, join, who } = newGroups();
    const b = newId();
    const first = join("", "", "seat").catch((error: unknown) => error);
    const second = join("", "", "seat");
    expect(await first).toMatchObject({ code: "FENCED_INSTANCE_ID" });
    const [a] = await Promise.all([second, join(b)]);
    const assignments = new Map([[a.memberId, { partitions: [{ topic: "t", partition: 3 }], userData: new Uint8Array(0) }]]);
    groups.sync({ ...who(a.memberId, 1), groupInstanceId: "seat", assignments });
    groups.sync({ ...who(b, 1), assignments: null });
    expect(a.leaderId).toBe(a.memberId);
    const back = await join("", "", "seat");
    expect(back.memberId).not.toBe(a.memberId);
    expect([back.generationId, back.leaderId, back.members]).toEqual([1, a.memberId, []]);
    const assignment = await groups.sync({ ...who(back.memberId, 1), groupInstanceId: "seat", assignments: null });
    expect(assignment.partitions).toEqual([{ topic: "t", partition: 3 }]);
    expect(() => groups.heartbeat({ ...who(a.memberId, 1), groupInstanceId: "seat" })).toThrow(code("FENCED_INSTANCE_ID"));
  });

  it("refuses sessions that are too short or too long", () => {
    const { groups } = newGroups();
    for (const sessionTimeoutMs of [5_999, 1_800_001, Number.NaN])
      expect(() =>
        groups.join({
          groupId: "g",
          memberId: "",
          groupInstanceId: null,
          protocols: [["p", new Uint8Array(0)]],
          sessionTimeoutMs,
          rebalanceTimeoutMs: 1,
        }),
      ).toThrow(expect.objectContaining({ code: "INVALID_CONFIG", disposition: "configuration" }));
  });

  it("takes transactional offsets in a new generation before its assignments, and plain ones only after", async () => {
    const { groups, newId, join, who } = newGroups();
    const a = newId();
    await join(a);
    const offsets = [{ topic: "t", partition: 0, offset: 1, metadata: "" }];
    groups.hold(who(a, 1), offsets, 7);
    expect(() => groups.commit("g", offsets, who(a, 1))).toThrow(code("REBALANCE_IN_PROGRESS"));
    groups.sync({ ...who(a, 1), assignments: new Map() });
    groups.commit("g", offsets, who(a, 1));
  });

  it("does not let a transaction that ends late overwrite what was committed after its offsets", () => {
    const { groups } = newGroups();
    const at = (offset: number) => [{ topic: "t", partition: 0, offset, metadata: "" }];
    const group = { groupId: "g", generationId: -1, memberId: "", groupInstanceId: null };
    const now = () => groups.committed("g", [{ topic: "t", partition: 0 }], false).get("t/0")?.offset;
    groups.hold(group, at(1), 7);
    groups.commit("g", at(5), null);
    groups.endTransaction("g", 7, "commit");
    expect(now()).toBe(5);
    groups.hold(group, at(9), 7);
    groups.endTransaction("g", 7, "commit");
    expect(now()).toBe(9);
  });
});
