import { describe, expect, it } from "@jest/globals";
import { minutes, seconds } from "../../../core/duration.ts";
import { sleep } from "../../../core/ports/clock.ts";
import type { GroupMember } from "../../../core/ports/log.ts";
import { decodeAssignment, encodeAssignment } from "../../../core/runtime/assignment.ts";
import { decodeSubscription } from "../../../core/runtime/subscription.ts";
import { newestVersion, writeUserData } from "../../../core/runtime/user_data.ts";
import { seededRandom } from "../../../core/time_source/seeded_random.ts";
import { all, everyTask, type Instance, keys, type ScalingWorld, scalingWorld } from "../../support/scaling_world.ts";

/** Longer than a commit interval and a rebalance, much shorter than a heartbeat. */
const briefMs = 400;
const rarely = { group: { sessionTimeout: seconds(30), heartbeat: seconds(10) } };

const several = async (world: ScalingWorld, count: number): Promise<Instance[]> => {
  const instances: Instance[] = [];
  for (let i = 0; i < count; i++) instances.push(await world.start());
  await world.cluster.clock.advance(30_000);
  expect(all(instances, "tasks")).toEqual(everyTask);
  return instances;
};

/** Somebody who is in the group and is not of this version of the library: says what it is given, and keeps what it is told. */
const stranger = ({ cluster }: ScalingWorld, says: () => Uint8Array): { readonly told: Uint8Array[]; readonly member: GroupMember } => {
  const told: Uint8Array[] = [];
  const member = cluster.memory.connect().join({
    groupId: "counting",
    protocols: ["millrace-1"],
    topics: ["words"],
    sessionTimeoutMs: 6000,
    rebalanceTimeoutMs: 60_000,
    heartbeatMs: 1000,
    subscription: says,
    assign: (members) =>
      new Map(
        members.map(({ memberId, userData }) => {
          const read = decodeSubscription(userData);
          const tasks = read.kind === "read" ? everyTask : [];
          const assignment = {
            tasks,
            standbys: [],
            warmups: [],
            departed: [],
            probeInMs: 0,
            commonVersion: newestVersion,
            error: "none" as const,
            detail: "",
            owners: [],
          };
          return [memberId, { partitions: [], userData: encodeAssignment(assignment, newestVersion) }];
        }),
      ),
    onRebalance: async () => {},
    onAssigned: async ({ userData }) => void told.push(userData),
    onError: (error) => {
      throw error;
    },
  });
  return { told, member };
};
const last = (told: readonly Uint8Array[]) => {
  const read = decodeAssignment(told.at(-1)!);
  if (read.kind !== "read") throw new Error("The last assignment has to be readable");
  return read.value;
};

describe("a task that stays", () => {
  it("never stops while instances start and stop, however rare heartbeats are", async () => {
    const world = await scalingWorld({ ...rarely, standbys: 1 });
    const [a] = (await several(world, 1)) as [Instance];
    const others: Instance[] = [];
    const silence = await world.flow(30_000, async () => {
      for (let i = 0; i < 2; i++) {
        others.push(await world.start());
        await sleep(world.cluster.clock, 8000);
      }
    });
    // Tasks that move are silent no longer than those that stay: their state is there already, or small.
    for (const ms of Object.values(silence)) expect(ms).toBeLessThanOrEqual(briefMs);
    const stayed = a.told.tasks;
    const closing = await world.flow(20_000, async () => {
      for (const one of others) {
        await one.app.close();
        await sleep(world.cluster.clock, 5000);
      }
    });
    for (const ms of Object.values(closing)) expect(ms).toBeLessThanOrEqual(briefMs);
    expect([stayed.length, a.told.tasks]).toEqual([2, everyTask]);
    for (const id of stayed) expect(a.opened.get(id)).toBe(1);
    await world.cluster.clock.advance(1000);
    await world.expectExact();
    await world.cluster.close();
    expect(world.cluster.clock.nextDueMs).toBeUndefined();
  });

  it("works on through a storm of rebalances that end without an assignment", async () => {
    const world = await scalingWorld();
    const [a, b] = (await several(world, 2)) as [Instance, Instance];
    const silence = await world.flow(20_000, async () => {
      // Somebody comes and goes so quickly that no generation stands.
      for (let i = 0; i < 20; i++) {
        const { member } = stranger(world, () => new Uint8Array(0));
        await sleep(world.cluster.clock, 60 + i * 10);
        await member.leave();
      }
    });
    expect([...a.opened.values(), ...b.opened.values()].every((times) => times <= 2)).toBe(true);
    for (const ms of Object.values(silence)) expect(ms).toBeLessThan(8000);
    await world.flow(5000);
    await world.cluster.clock.advance(1000);
    await world.expectExact();
    await world.cluster.close();
  });
});

describe("three instances that are restarted one after the other", () => {
  for (const standbys of [0, 1])
    it(`lose nothing and double nothing, and no task is silent for long: ${standbys} standbys`, async () => {
      const world = await scalingWorld({ ...rarely, standbys });
      const instances = await several(world, 3);
      await world.say(...keys);
      const silence = await world.flow(30_000, async () => {
        for (const [i, one] of instances.entries()) {
          await one.app.close();
          await sleep(world.cluster.clock, 2000);
          instances[i] = await world.start();
          await sleep(world.cluster.clock, 5000);
        }
      });
      for (const ms of Object.values(silence)) expect(ms).toBeLessThanOrEqual(briefMs);
      expect(all(instances, "tasks")).toEqual(everyTask);
      await world.cluster.clock.advance(1000);
      await world.expectExact();
      await world.cluster.close();
      expect(world.cluster.clock.nextDueMs).toBeUndefined();
    });
});

/** Steps that chance chooses, and then calm until everything is in its place. */
const disorder = async (seed: number): Promise<void> => {
  const random = seededRandom(seed);
  const upTo = (n: number): number => Math.floor(random.next() * n);
  const standbys = seed % 3;
  const world = await scalingWorld({ standbys, acceptableRecoveryLag: upTo(2) * 30, probingRebalanceInterval: minutes(1) }, seed);
  const { cluster } = world;
  let instances = [await world.start()];
  for (let step = 0; step < 12; step++) {
    await world.say(...keys);
    await cluster.clock.advance(upTo(4000));
    const one = instances[upTo(instances.length)]!;
    const what = instances.length < 2 ? "start" : (["start", "start", "kill", "close", "freeze"] as const)[upTo(5)]!;
    if (what === "start") instances.push(await world.start());
    else if (what === "kill") world.kill(one);
    else if (what === "close") await cluster.drive(one.app.close());
    else {
      one.link.freeze();
      cluster.clock.after(1000 + upTo(12_000), () => one.link.thaw());
    }
    if (what === "kill" || what === "close") instances = instances.filter((other) => other !== one);
  }
  await world.say(...keys);
  await cluster.clock.advance(100_000);
  expect(all(instances, "tasks")).toEqual(everyTask);
  expect(all(instances, "warmups")).toEqual([]);
  expect(all(instances, "standbys")).toHaveLength(everyTask.length * Math.min(standbys, instances.length - 1));
  for (const { told } of instances) for (const id of told.standbys) expect(told.tasks).not.toContain(id);
  await world.expectExact();
  await cluster.close();
  expect(cluster.clock.nextDueMs).toBeUndefined();
};

describe("instances that come, go, die and freeze in any order", () => {
  for (let seed = 1; seed <= 12; seed++)
    it(`come to exact results, with every task and every standby in its place: seed ${seed}`, () => disorder(seed));
});

describe("a leader that dies while it assigns", () => {
  it("is replaced by one that gives the same tasks, and those who stay keep theirs", async () => {
    const world = await scalingWorld();
    const [leader, b, c] = (await several(world, 3)) as [Instance, Instance, Instance];
    const [kept, others] = [b.told.tasks, c.told.tasks];
    let asked = false;
    leader.link.fault = (kind) => {
      // The leader has been told of the members, and looks up how far they are.
      if (kind === "ListOffsets" && !asked) {
        asked = true;
        world.kill(leader);
      }
      return undefined;
    };
    const d = await world.start();
    await world.flow(40_000);
    expect(asked).toBe(true);
    expect(all([b, c, d], "tasks")).toEqual(everyTask);
    for (const id of kept) expect(b.told.tasks).toContain(id);
    for (const id of others) expect(c.told.tasks).toContain(id);
    await world.cluster.clock.advance(1000);
    await world.expectExact();
    await world.cluster.close();
  });
});

describe("members of several versions", () => {
  it("a newer one is asked to speak so that the leader understands it, and the others work on meanwhile", async () => {
    const world = await scalingWorld();
    const [a] = (await several(world, 1)) as [Instance];
    const newer = writeUserData(newestVersion + 1, (to) => to.text("what a later version says"), newestVersion + 1);
    const { told, member } = stranger(world, () => newer);
    await world.flow(5000);
    expect(last(told)).toMatchObject({ error: "version", commonVersion: newestVersion, tasks: [] });
    expect([a.told.tasks, a.opened.get("0_0")]).toEqual([everyTask, 1]);
    await world.cluster.drive(member.leave());
    await world.cluster.clock.advance(5000);
    await world.expectExact();
    await world.cluster.close();
  });

  it("one whose words make no sense gets its share as if it had nothing, and is counted", async () => {
    const world = await scalingWorld();
    const [a] = (await several(world, 1)) as [Instance];
    const { told, member } = stranger(world, () => new Uint8Array([1, 2, 3]));
    await world.cluster.clock.advance(5000);
    expect([last(told).tasks.length, a.told.tasks.length]).toEqual([3, 3]);
    expect([...a.app.metrics()].find(({ name }) => name === "unreadable_members")?.value).toBe(1);
    await world.cluster.drive(member.leave());
    await world.flow(5000);
    expect(a.told.tasks).toEqual(everyTask);
    await world.cluster.clock.advance(1000);
    await world.expectExact();
    await world.cluster.close();
  });

  it("under a leader of another version that answers in the common one, tasks are taken as it says", async () => {
    const world = await scalingWorld();
    const { member } = stranger(world, () => new Uint8Array([1]));
    await world.cluster.clock.advance(5000);
    const a = await world.start();
    await world.flow(20_000);
    expect(a.told.tasks).toEqual(everyTask);
    await world.cluster.drive(member.leave());
    await world.flow(5000);
    await world.cluster.clock.advance(1000);
    await world.expectExact();
    await world.cluster.close();
  });
});
