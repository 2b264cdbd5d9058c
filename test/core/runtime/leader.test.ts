import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type Assignment, decodeAssignment } from "../../../core/runtime/assignment.ts";
import { type AssignableTask, assignMembers, type LeaderOptions } from "../../../core/runtime/leader.ts";
import { decodeSubscription, encodeSubscription, isComplete, type Subscription } from "../../../core/runtime/subscription.ts";
import { newestVersion, writeUserData } from "../../../core/runtime/user_data.ts";

const tasks: readonly AssignableTask[] = Array.from({ length: 4 }, (_, partition) => ({
  id: `0_${partition}`,
  subtopology: 0,
  stateful: true,
  weight: 1,
  partitions: [{ topic: "in", partition }],
  changelogs: [{ topic: "app-store-changelog", partition }],
  tables: [],
}));
const ids = tasks.map(({ id }) => id);

const said = (processId: string, claimed: readonly string[] = [], more: Partial<Subscription> = {}): Uint8Array =>
  encodeSubscription(
    {
      processId,
      fingerprint: "same",
      rack: "",
      transactionalIds: [`app-${processId}-0`],
      tasks: claimed,
      stored: new Map(claimed.map((id) => [id, isComplete])),
      stop: false,
      endpoint: "",
      ...more,
    },
    newestVersion,
  );

const ask = (members: Readonly<Record<string, Uint8Array>>, more: Partial<LeaderOptions> = {}) => {
  const garbage: string[] = [];
  const given = assignMembers(
    Object.entries(members).map(([memberId, userData]) => ({ memberId, groupInstanceId: null, userData })),
    {
      tasks,
      fingerprint: "same",
      leaderProcess: "p",
      knownWorkers: [],
      standbys: 0,
      warmupsMax: 2,
      acceptableLag: 100,
      probingIntervalMs: 600_000,
      ends: new Map(ids.map((id) => [id, 0])),
      onGarbage: (memberId) => garbage.push(memberId),
      ...more,
    },
  );
  const told = Object.fromEntries(
    [...given].map(([memberId, { userData }]): [string, Assignment] => {
      const read = decodeAssignment(userData);
      if (read.kind !== "read") throw new Error("An assignment has to be readable");
      return [memberId, read.value];
    }),
  );
  return { given, told, garbage };
};

describe("what the leader answers", () => {
  it("names the partitions of the tasks as well, so that Kafka's tools show who reads what", () => {
    const { given } = ask({ a: said("p") });
    expect(given.get("a")!.partitions).toEqual(tasks.flatMap(({ partitions }) => partitions));
  });

  it("tolerates members whose words cannot be read: they get tasks as members without state, and are counted", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        fc.pre(decodeSubscription(bytes).kind === "garbage");
        const { told, garbage } = ask({ good: said("p", ids), odd: bytes });
        expect([told["good"]!.tasks.length, told["odd"]!.tasks.length, garbage]).toEqual([2, 2, ["odd"]]);
      }),
    );
  });

  it("gives nothing to a member with another topology, and says which processes have the group's own", () => {
    const { told } = ask({ a: said("old"), b: said("new", ["0_0"], { fingerprint: "other" }) });
    expect(told["a"]).toMatchObject({ error: "none", tasks: ids });
    expect(told["b"]).toMatchObject({ error: "topology-differs", tasks: [], detail: "old" });
  });

  it("tells all to stop when one asks for it", () => {
    const { told } = ask({ a: said("p"), b: said("q", [], { stop: true }) });
    expect(told["a"]).toMatchObject({ error: "stop", tasks: [] });
    expect(told["b"]).toMatchObject({ error: "stop", tasks: [] });
  });

  it("names the workers that are known and not here, to be fenced, and never one that is here", () => {
    const { told } = ask({ a: said("p") }, { knownWorkers: ["app-p-0", "app-z-0", "app-b-1"] });
    expect(told["a"]!.departed).toEqual(["app-b-1", "app-z-0"]);
  });

  it("asks a member that speaks a newer form to speak the common one, and meanwhile takes no worker for departed, since it may be that one's", () => {
    const newer = writeUserData(newestVersion + 1, (to) => to.text("?"), newestVersion + 1);
    const { told } = ask({ a: said("p"), b: newer }, { knownWorkers: ["app-z-0"] });
    expect(told["a"]).toMatchObject({ error: "none", tasks: ids, departed: [], commonVersion: newestVersion });
    expect(told["b"]).toMatchObject({ error: "version", tasks: [], commonVersion: newestVersion });
  });

  it("makes one member look again, the leader, while tasks are not where they belong", () => {
    const ends = new Map(ids.map((id) => [id, 1000]));
    const { told } = ask({ a: said("p", ids), b: said("q") }, { ends });
    expect(told["a"]).toMatchObject({ tasks: ids, probeInMs: 600_000 });
    expect(told["b"]).toMatchObject({ tasks: [], warmups: ["0_2", "0_3"], probeInMs: 0 });
    const settled = ask({ a: said("p", ids.slice(0, 2)), b: said("q", ids.slice(2)) }, { ends });
    expect(Object.values(settled.told).map(({ probeInMs }) => probeInMs)).toEqual([0, 0]);
  });

  it("without knowledge of where changelogs end leaves tasks with those who have them", () => {
    const { told } = ask({ a: said("p", ids), b: said("q") }, { ends: undefined });
    expect(told["a"]!.tasks).toEqual(ids);
  });
});
