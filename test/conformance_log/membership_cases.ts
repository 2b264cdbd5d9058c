import { expect } from "@jest/globals";
import type { GroupMetadata, Log } from "../../core/ports/log.ts";
import { together } from "./attendee.ts";
import type { LogChapter } from "./conformance_case.ts";
import { expectRefused, type Stage } from "./stage.ts";

const setting = async (stage: Stage) => {
  const [one, other] = [await stage.connect(), await stage.connect()];
  const topic = await stage.topic(one, "fenced-group", 2);
  const group = { groupId: stage.world.unique("group"), topic, partitions: 2 };
  /** Commits an offset for partition 0 in a transaction of its own; every attempt takes a new epoch, for a refusal ends one. */
  const commit = async (log: Log, metadata: GroupMetadata, offset: number): Promise<void> => {
    const producer = await stage.producer(log);
    await producer.sendOffsets(metadata, [{ topic, partition: 0, offset, metadata: "" }]);
    await producer.commit();
  };
  const committed = async (): Promise<number | undefined> => (await stage.committedOffset(one, group.groupId, topic, true))?.offset;
  return { one, other, topic, group, commit, committed };
};

/** Who may commit for a group, and who no longer may. */
export const membershipChapter: LogChapter = {
  title: "membership",
  cases: [
    {
      name: "offsets of the current generation are accepted, of an older one refused, also from a member that stays",
      play: async (stage) => {
        const { one, other, group, commit, committed, topic } = await setting(stage);
        const a = stage.attend(one, { ...group, name: "a" });
        const { group: old } = await a.holds([0, 1]);
        await commit(one, old, 1);
        expect(await committed()).toBe(1);
        const b = stage.attend(other, { ...group, name: "b" });
        await together(stage, [
          [a, [0]],
          [b, [1]],
        ]);
        await expectRefused(commit(one, old, 2), "membership", ["ILLEGAL_GENERATION"]);
        await expectRefused(one.admin.commitOffsets(group.groupId, [{ topic, partition: 0, offset: 3, metadata: "" }], old), "membership", [
          "ILLEGAL_GENERATION",
        ]);
        expect(await committed()).toBe(1);
        const current = a.member.metadata;
        await commit(one, current, 4);
        expect(await committed()).toBe(4);
        await one.admin.commitOffsets(group.groupId, [{ topic, partition: 0, offset: 5, metadata: "" }], current);
        expect(await committed()).toBe(5);
      },
    },
    {
      name: "offsets of somebody who is no member are refused",
      play: async (stage) => {
        const { one, group, commit, committed } = await setting(stage);
        const a = stage.attend(one, { ...group, name: "a" });
        const { group: current } = await a.holds([0, 1]);
        await commit(one, current, 1);
        await expectRefused(commit(one, { ...current, memberId: "stranger" }, 2), "membership", ["UNKNOWN_MEMBER_ID"]);
        await expectRefused(commit(one, { ...current, generationId: current.generationId + 1 }, 3), "membership", ["ILLEGAL_GENERATION"]);
        expect(await committed()).toBe(1);
      },
    },
    {
      name: "offsets of the current generation are accepted while others are joining",
      play: async (stage) => {
        const { one, other, group, commit, committed } = await setting(stage);
        const a = stage.attend(one, { ...group, name: "a", rebalanceTimeoutMs: 30_000 });
        const { group: old } = await a.holds([0, 1]);
        const outcomes: unknown[] = [];
        a.beforeRejoin = async () => {
          outcomes.push(await commit(one, old, 10).catch((error: unknown) => error));
          outcomes.push(await committed());
        };
        const b = stage.attend(other, { ...group, name: "b", rebalanceTimeoutMs: 30_000 });
        await together(stage, [
          [a, [0]],
          [b, [1]],
        ]);
        expect(outcomes.slice(0, 2)).toEqual([undefined, 10]);
        await expectRefused(commit(one, old, 11), "membership", ["ILLEGAL_GENERATION"]);
      },
    },
    {
      name: "a refused offset takes the records of its transaction with it",
      play: async (stage) => {
        const { one, other, topic, group } = await setting(stage);
        const a = stage.attend(one, { ...group, name: "a" });
        const { group: old } = await a.holds([0, 1]);
        const id = stage.world.unique("zombie");
        const zombie = await stage.producer(one, id);
        await stage.values(one, zombie, topic, ["of the old generation"]);
        const b = stage.attend(other, { ...group, name: "b" });
        await together(stage, [
          [a, [0]],
          [b, [1]],
        ]);
        await expectRefused(zombie.sendOffsets(old, [{ topic, partition: 0, offset: 1, metadata: "" }]), "membership", [
          "ILLEGAL_GENERATION",
        ]);
        const next = await stage.producer(one, id);
        await stage.values(one, next, topic, ["of the new one"]);
        await next.sendOffsets(a.member.metadata, [{ topic, partition: 0, offset: 1, metadata: "" }]);
        await next.commit();
        expect(await stage.readValues(one, topic)).toEqual(["of the new one"]);
      },
    },
    {
      name: "a member that takes too long to rejoin is expelled, learns that it is lost, and comes back as a new one",
      play: async (stage) => {
        const { one, other, group, commit, committed } = await setting(stage);
        const a = stage.attend(one, { ...group, name: "a" });
        const { group: old } = await a.holds([0, 1]);
        let wakeUp = (): void => {};
        a.beforeRejoin = () =>
          new Promise((resolve) => {
            wakeUp = resolve;
          });
        const b = stage.attend(other, { ...group, name: "b" });
        const { group: owner } = await b.holds([0, 1]);
        await commit(other, owner, 7);
        await expectRefused(commit(one, old, 3), "membership", ["UNKNOWN_MEMBER_ID", "ILLEGAL_GENERATION"]);
        expect(await committed()).toBe(7);
        a.beforeRejoin = async () => {};
        wakeUp();
        await together(stage, [
          [a, [0]],
          [b, [1]],
        ]);
        expect(a.story.slice(0, 4)).toEqual(["assigned", "rejoin", "lost", "assigned"]);
        expect(a.now?.group.memberId).not.toBe(old.memberId);
        expect(b.story).not.toContain("lost");
      },
    },
    {
      name: "after all have left, offsets may be set from outside and are found by the next member",
      play: async (stage) => {
        const { one, topic, group, commit, committed } = await setting(stage);
        const a = stage.attend(one, { ...group, name: "a" });
        const { group: held } = await a.holds([0, 1]);
        await commit(one, held, 4);
        await a.leave();
        await expectRefused(commit(one, held, 5), "membership", ["UNKNOWN_MEMBER_ID", "ILLEGAL_GENERATION"]);
        await one.admin.commitOffsets(group.groupId, [{ topic, partition: 0, offset: 6, metadata: "" }]);
        const b = stage.attend(one, { ...group, name: "b" });
        const { group: later } = await b.holds([0, 1]);
        expect(later.generationId).toBeGreaterThan(held.generationId);
        expect(await committed()).toBe(6);
      },
    },
    {
      name: "offsets set from outside are refused while the group has members",
      play: async (stage) => {
        const { one, topic, group, committed } = await setting(stage);
        const a = stage.attend(one, { ...group, name: "a" });
        await a.holds([0, 1]);
        const outside = one.admin.commitOffsets(group.groupId, [{ topic, partition: 0, offset: 6, metadata: "" }]);
        await expectRefused(outside, "membership", ["UNKNOWN_MEMBER_ID"]);
        expect(await committed()).toBeUndefined();
      },
    },
    {
      name: "a static member that comes back in time finds its place, and no one else notices",
      play: async (stage) => {
        const { one, other, group, commit, committed } = await setting(stage);
        const third = await stage.connect();
        const [a, b] = [
          stage.attend(one, { ...group, name: "a", groupInstanceId: "seat-a" }),
          stage.attend(other, { ...group, name: "b", groupInstanceId: "seat-b" }),
        ];
        const generation = await together(stage, [
          [a, [0]],
          [b, [1]],
        ]);
        expect(a.now?.group.groupInstanceId).toBe("seat-a");
        const [heard, old] = [b.story.length, a.now?.group];
        if (old === undefined) throw new Error("a was assigned");
        a.member.abandon();
        const back = stage.attend(third, { ...group, name: "a", groupInstanceId: "seat-a" });
        const now = await back.holds([0]);
        expect(now.group.generationId).toBe(generation);
        expect(now.group.memberId).not.toBe(old.memberId);
        await commit(third, now.group, 3);
        await expectRefused(commit(one, old, 4), "membership", ["FENCED_INSTANCE_ID"]);
        expect(await committed()).toBe(3);
        await stage.world.sleep(stage.world.timing.sessionTimeoutMs + 4 * stage.world.timing.heartbeatMs);
        expect(b.story.length).toBe(heard);
      },
    },
    {
      name: "a static member whose seat is taken is told so and stops",
      play: async (stage) => {
        const { one, other, group } = await setting(stage);
        const a = stage.attend(one, { ...group, name: "a", groupInstanceId: "seat" });
        await a.holds([0, 1]);
        const usurper = stage.attend(other, { ...group, name: "a", groupInstanceId: "seat" });
        await usurper.holds([0, 1]);
        await stage.eventually("a learns that its seat is taken", () => (a.errors.length > 0 ? true : undefined));
        expect(a.errors.map((error) => [error.code, error.disposition])).toEqual([["FENCED_INSTANCE_ID", "membership"]]);
        expect(usurper.errors).toEqual([]);
      },
    },
    {
      name: "a static leader that comes back finds its place without a new generation, and leads the next one",
      play: async (stage) => {
        const { one, other, group } = await setting(stage);
        const third = await stage.connect();
        const a = stage.attend(one, { ...group, name: "a", groupInstanceId: "seat-a" });
        await a.holds([0, 1]);
        const b = stage.attend(other, { ...group, name: "b", groupInstanceId: "seat-b" });
        const generation = await together(stage, [
          [a, [0]],
          [b, [1]],
        ]);
        a.member.abandon();
        const back = stage.attend(third, { ...group, name: "a", groupInstanceId: "seat-a" });
        expect((await back.holds([0])).group.generationId).toBe(generation);
        const c = stage.attend(one, { ...group, name: "c", groupInstanceId: "seat-c" });
        await together(stage, [
          [back, [0]],
          [b, [1]],
          [c, []],
        ]);
        expect(back.now?.told).toBe("a of a+b+c");
        expect(b.story).not.toContain("lost");
      },
    },
    {
      name: "a static member that leaves is not waited for",
      play: async (stage) => {
        const { one, other, group } = await setting(stage);
        const sessionTimeoutMs = 3 * stage.world.timing.sessionTimeoutMs;
        const [a, b] = [
          stage.attend(one, { ...group, name: "a", groupInstanceId: "seat-a", sessionTimeoutMs }),
          stage.attend(other, { ...group, name: "b", groupInstanceId: "seat-b", sessionTimeoutMs }),
        ];
        const shared = await together(stage, [
          [a, [0]],
          [b, [1]],
        ]);
        await a.leave();
        await b.holds([0, 1], shared);
      },
    },
    {
      name: "a static member that stays away is missed after its session",
      play: async (stage) => {
        const { one, other, group } = await setting(stage);
        const [a, b] = [
          stage.attend(one, { ...group, name: "a", groupInstanceId: "seat-a" }),
          stage.attend(other, { ...group, name: "b", groupInstanceId: "seat-b" }),
        ];
        const shared = await together(stage, [
          [a, [0]],
          [b, [1]],
        ]);
        a.member.abandon();
        await b.holds([0, 1], shared);
      },
    },
  ],
};
