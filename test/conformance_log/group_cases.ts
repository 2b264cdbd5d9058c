import { expect } from "@jest/globals";
import { together } from "./attendee.ts";
import type { LogChapter } from "./conformance_case.ts";
import type { Stage } from "./stage.ts";

const setting = async (stage: Stage, partitions = 4) => {
  const [one, other] = [await stage.connect(), await stage.connect()];
  const topic = await stage.topic(one, "grouped", partitions);
  return { one, other, group: { groupId: stage.world.unique("group"), topic, partitions } };
};

/** How members come, share, speak and go. */
export const groupChapter: LogChapter = {
  title: "groups",
  cases: [
    {
      name: "a single member leads, hears itself, and gets everything",
      play: async (stage) => {
        const { one, group } = await setting(stage);
        const a = stage.attend(one, { ...group, name: "a" });
        expect(a.member.metadata).toEqual({
          groupId: group.groupId,
          generationId: -1,
          memberId: a.member.metadata.memberId,
          groupInstanceId: null,
        });
        const now = await a.holds([0, 1, 2, 3]);
        expect(now.told).toBe("a of a");
        expect(now.group).toEqual(a.member.metadata);
        expect(now.group.memberId).not.toBe("");
        expect(now.group.generationId).toBeGreaterThanOrEqual(0);
        expect(a.story).toEqual(["assigned"]);
      },
    },
    {
      name: "members share, and the leader hears the user data of all",
      play: async (stage) => {
        const { one, other, group } = await setting(stage);
        const a = stage.attend(one, { ...group, name: "a" });
        const first = await a.holds([0, 1, 2, 3]);
        const b = stage.attend(other, { ...group, name: "b" });
        const generation = await together(stage, [
          [a, [0, 2]],
          [b, [1, 3]],
        ]);
        expect(generation).toBeGreaterThan(first.group.generationId);
        expect([a.now?.told, b.now?.told]).toEqual(["a of a+b", "b of a+b"]);
        expect(a.now?.group.memberId).toBe(first.group.memberId);
        expect(a.now?.group.memberId).not.toBe(b.now?.group.memberId);
        expect(a.story.slice(0, 3)).toEqual(["assigned", "rejoin", "assigned"]);
      },
    },
    {
      name: "a member's rejoin is awaited before the group goes on",
      play: async (stage) => {
        const { one, other, group } = await setting(stage);
        const a = stage.attend(one, { ...group, name: "a", rebalanceTimeoutMs: 30_000 });
        await a.holds([0, 1, 2, 3]);
        let ready = (): void => {};
        let asked = false;
        a.beforeRejoin = () => {
          asked = true;
          return new Promise((resolve) => {
            ready = resolve;
          });
        };
        const b = stage.attend(other, { ...group, name: "b", rebalanceTimeoutMs: 30_000 });
        await stage.eventually("a is asked to rejoin", () => (asked ? true : undefined));
        await stage.world.sleep(4 * stage.world.timing.heartbeatMs);
        expect(b.attended).toEqual([]);
        expect(a.attended.length).toBe(1);
        a.beforeRejoin = async () => {};
        ready();
        await together(stage, [
          [a, [0, 2]],
          [b, [1, 3]],
        ]);
        expect(a.story).not.toContain("lost");
      },
    },
    {
      name: "what a member leaves goes to the others, and nobody calls it back",
      play: async (stage) => {
        const { one, other, group } = await setting(stage);
        const [a, b] = [stage.attend(one, { ...group, name: "a" }), stage.attend(other, { ...group, name: "b" })];
        const shared = await together(stage, [
          [a, [0, 2]],
          [b, [1, 3]],
        ]);
        await a.leave();
        const story = [...a.story];
        await b.holds([0, 1, 2, 3], shared);
        await stage.world.sleep(3 * stage.world.timing.heartbeatMs);
        expect(a.story).toEqual(story);
        expect(a.errors).toEqual([]);
      },
    },
    {
      name: "a member that asks hears at once that another one has left, and not only with its next heartbeat",
      play: async (stage) => {
        const { one, other, group } = await setting(stage);
        const rarely = { heartbeatMs: 100_000, sessionTimeoutMs: 200_000 };
        const [a, b] = [stage.attend(one, { ...group, name: "a" }), stage.attend(other, { ...group, name: "b", ...rarely })];
        const shared = await together(stage, [
          [a, [0, 2]],
          [b, [1, 3]],
        ]);
        await a.leave();
        b.member.checkIn();
        await b.holds([0, 1, 2, 3], shared);
        b.member.checkIn();
        await stage.world.sleep(2 * stage.world.timing.heartbeatMs);
        expect(b.story.at(-1)).toBe("assigned");
      },
    },
    {
      name: "a member that vanishes without leaving is missed after its session",
      play: async (stage) => {
        const { one, other, group } = await setting(stage);
        const [a, b] = [stage.attend(one, { ...group, name: "a" }), stage.attend(other, { ...group, name: "b" })];
        const shared = await together(stage, [
          [a, [0, 2]],
          [b, [1, 3]],
        ]);
        a.member.abandon();
        const story = [...a.story];
        await b.holds([0, 1, 2, 3], shared);
        expect(a.story).toEqual(story);
      },
    },
    {
      name: "a member stays while its assignment takes longer than its session",
      play: async (stage) => {
        const { one, group } = await setting(stage);
        const a = stage.attend(one, { ...group, name: "a" });
        let opened = (): void => {};
        a.duringAssigned = () =>
          new Promise((resolve) => {
            opened = resolve;
          });
        const { group: held } = await a.holds([0, 1, 2, 3]);
        await stage.world.sleep(2 * stage.world.timing.sessionTimeoutMs);
        await one.admin.commitOffsets(group.groupId, [{ topic: group.topic, partition: 0, offset: 1, metadata: "" }], held);
        opened();
        expect(a.story).toEqual(["assigned"]);
      },
    },
    {
      name: "a member that has something new to say makes the leader hear it",
      play: async (stage) => {
        const { one, other, group } = await setting(stage);
        const [a, b] = [stage.attend(one, { ...group, name: "a" }), stage.attend(other, { ...group, name: "b" })];
        await together(stage, [
          [a, [0, 2]],
          [b, [1, 3]],
        ]);
        for (const [speaker, says, heard] of [
          [b, "b2", "a+b2"],
          [a, "a2", "a2+b2"],
        ] as const) {
          speaker.says = says;
          speaker.member.requestRejoin();
          await stage.eventually(`all are told of ${heard}`, () =>
            [a, b].every((one) => one.now?.told.endsWith(` of ${heard}`)) ? true : undefined,
          );
        }
        expect([...a.story, ...b.story]).not.toContain("lost");
      },
    },
    {
      name: "a member that asks for it begins another generation, though nobody has anything new to say",
      play: async (stage) => {
        const { one, other, group } = await setting(stage);
        const [a, b] = [stage.attend(one, { ...group, name: "a" }), stage.attend(other, { ...group, name: "b" })];
        const share = [
          [a, [0, 2]],
          [b, [1, 3]],
        ] as const;
        for (const asking of [a, b]) {
          const before = await together(stage, share);
          asking.member.requestRejoin();
          await a.holds([0, 2], before);
          await b.holds([1, 3], before);
        }
      },
    },
    {
      name: "members that know different protocols use one that all know",
      play: async (stage) => {
        const { one, other, group } = await setting(stage);
        const a = stage.attend(one, { ...group, name: "a", protocols: ["new", "old"] });
        await a.holds([0, 1, 2, 3]);
        const b = stage.attend(other, { ...group, name: "b", protocols: ["old"] });
        await together(stage, [
          [a, [0, 2]],
          [b, [1, 3]],
        ]);
      },
    },
    {
      name: "a member that speaks no common protocol is told so, and the others go on",
      play: async (stage) => {
        const { one, other, group } = await setting(stage);
        const a = stage.attend(one, { ...group, name: "a" });
        await a.holds([0, 1, 2, 3]);
        const b = stage.attend(other, { ...group, name: "b", protocols: ["another"] });
        await stage.eventually("b is refused", () => (b.errors.length > 0 ? true : undefined));
        expect(b.errors.map((error) => [error.code, error.disposition])).toEqual([["INCONSISTENT_GROUP_PROTOCOL", "configuration"]]);
        expect([b.attended, a.story]).toEqual([[], ["assigned"]]);
      },
    },
    {
      name: "user data of sixty thousand bytes arrives in both directions",
      play: async (stage) => {
        const { one, group } = await setting(stage);
        const name = "n".repeat(60_000);
        const a = stage.attend(one, { ...group, name });
        expect((await a.holds([0, 1, 2, 3])).told).toBe(`${name} of ${name}`);
      },
    },
    {
      name: "more members than partitions leave some with nothing",
      play: async (stage) => {
        const { one, other, group } = await setting(stage, 2);
        const names = ["a", "b", "c"] as const;
        const [a, b, c] = names.map((name, i) => stage.attend(i === 1 ? other : one, { ...group, name }));
        if (a === undefined || b === undefined || c === undefined) throw new Error("Three members attend");
        await together(stage, [
          [a, [0]],
          [b, [1]],
          [c, []],
        ]);
      },
    },
  ],
};
