import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  type AssignableTask,
  type Assignment,
  assignMembers,
  assignTasks,
  decodeAssignment,
  decodeSubscription,
  encodeSubscription,
  type Subscription,
} from "../../../core/runtime/assignment.ts";

const tasksOf = (widths: readonly number[]): readonly AssignableTask[] =>
  widths.flatMap((width, subtopology) =>
    Array.from({ length: width }, (_, partition) => ({
      id: `${subtopology}_${partition}`,
      subtopology,
      partitions: [{ topic: `topic-${subtopology}`, partition }],
    })),
  );

const subscription = (processId: string, tasks: readonly string[], more: Partial<Subscription> = {}): Subscription => ({
  version: 1,
  processId,
  fingerprint: "same",
  transactionalIds: [`app-${processId}-0`],
  tasks,
  stop: false,
  ...more,
});

const widths = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 5 });
/** Members that may claim what they like: tasks of others, tasks that do not exist, or nothing that can be read. */
const membersOf = (tasks: readonly AssignableTask[]) =>
  fc
    .array(fc.option(fc.subarray([...tasks.map(({ id }) => id), "9_99", "x"])), { minLength: 1, maxLength: 7 })
    .map(
      (claims) =>
        new Map(claims.map((claim, i) => [`member-${i}`, claim === null ? undefined : subscription(`process-${(i * 7) % 10}`, claim)])),
    );
const cluster = widths.chain((sizes) => {
  const tasks = tasksOf(sizes);
  return membersOf(tasks).map((members) => ({ tasks, members }));
});

const spread = (numbers: readonly number[]): number => Math.max(...numbers) - Math.min(...numbers);
const idsOf = (given: ReadonlyMap<string, readonly AssignableTask[]>): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries([...given].map(([member, own]) => [member, own.map(({ id }) => id).sort()]));
const claiming = (members: ReadonlyMap<string, Subscription | undefined>, given: ReadonlyMap<string, readonly AssignableTask[]>) =>
  new Map(
    [...members].map(([id, member]) => [
      id,
      subscription(
        member?.processId ?? id,
        given.get(id)!.map((task) => task.id),
      ),
    ]),
  );

describe("the assignment of tasks", () => {
  it("gives every task to one member", () => {
    fc.assert(
      fc.property(cluster, ({ tasks, members }) => {
        const given = assignTasks(tasks, members);
        expect([...given.keys()].sort()).toEqual([...members.keys()].sort());
        expect(
          [...given.values()]
            .flat()
            .map(({ id }) => id)
            .sort(),
        ).toEqual(tasks.map(({ id }) => id).sort());
      }),
    );
  });

  it("is even: in each sub-topology, and overall, nobody has more than one task more than another", () => {
    fc.assert(
      fc.property(cluster, ({ tasks, members }) => {
        const given = [...assignTasks(tasks, members).values()];
        expect(spread(given.map((own) => own.length))).toBeLessThanOrEqual(1);
        for (const subtopology of new Set(tasks.map((task) => task.subtopology)))
          expect(spread(given.map((own) => own.filter((task) => task.subtopology === subtopology).length))).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("is the same whatever the order of members and tasks, so that every leader gives it", () => {
    fc.assert(
      fc.property(cluster, fc.infiniteStream(fc.nat()), ({ tasks, members }, chance) => {
        const shuffled = <T>(list: readonly T[]): T[] => {
          const keys = new Map(list.map((one) => [one, chance.next().value as number]));
          return [...list].sort((a, b) => keys.get(a)! - keys.get(b)!);
        };
        expect(idsOf(assignTasks(shuffled(tasks), new Map(shuffled([...members]))))).toEqual(idsOf(assignTasks(tasks, members)));
      }),
    );
  });

  it("moves nothing when nothing has changed", () => {
    fc.assert(
      fc.property(cluster, ({ tasks, members }) => {
        const first = assignTasks(tasks, members);
        expect(idsOf(assignTasks(tasks, claiming(members, first)))).toEqual(idsOf(first));
      }),
    );
  });

  it("takes from a member only what is more than its share, when others come or go", () => {
    fc.assert(
      fc.property(widths, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }), (sizes, before, after) => {
        const tasks = tasksOf(sizes);
        const fresh = (count: number) => new Map(Array.from({ length: count }, (_, i) => [`m${i}`, subscription(`p${i}`, [])]));
        const first = assignTasks(tasks, fresh(before));
        const members = new Map(
          [...fresh(after)].map(([id]) => [id, subscription(`p${id.slice(1)}`, first.get(id)?.map((task) => task.id) ?? [])]),
        );
        const second = assignTasks(tasks, members);
        for (const [id, own] of second)
          for (const subtopology of new Set(tasks.map((task) => task.subtopology))) {
            const held = (first.get(id) ?? []).filter((task) => task.subtopology === subtopology);
            const now = own.filter((task) => task.subtopology === subtopology);
            const kept = now.filter((task) => held.includes(task));
            expect(kept).toHaveLength(Math.min(held.length, now.length));
          }
      }),
    );
  });
});

describe("what the leader answers", () => {
  const tasks = tasksOf([4]);
  const member = (memberId: string, userData: Uint8Array) => ({ memberId, groupInstanceId: null, userData });
  const answers = (given: ReturnType<typeof assignMembers>): Readonly<Record<string, Assignment>> =>
    Object.fromEntries([...given].map(([id, { userData }]) => [id, decodeAssignment(userData)!]));

  it("tolerates members whose words cannot be read: they get tasks, as members without state", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (garbage) => {
        fc.pre(decodeSubscription(garbage) === undefined);
        const given = answers(
          assignMembers(
            tasks,
            [member("good", encodeSubscription(subscription("p", ["0_0", "0_1", "0_2", "0_3"]))), member("odd", garbage)],
            [],
            "same",
          ),
        );
        expect(given["good"]!.tasks).toHaveLength(2);
        expect(given["odd"]!.tasks).toHaveLength(2);
      }),
    );
  });

  it("takes of a member's words only those that make sense", () => {
    const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
    expect(decodeSubscription(encode({ version: 1, processId: "p", tasks: ["0_0", 7, null], transactionalIds: "x", stop: "yes" }))).toEqual(
      {
        version: 1,
        processId: "p",
        fingerprint: "",
        transactionalIds: [],
        tasks: ["0_0"],
        stop: false,
      },
    );
    expect(decodeSubscription(encode({ version: 2, processId: "p" }))).toBeUndefined();
    expect(decodeSubscription(encode(null))).toBeUndefined();
    expect(decodeAssignment(encode({ version: 1, tasks: "0_0" }))).toBeUndefined();
  });

  it("gives nothing to a member with another topology, and says which processes have the group's own", () => {
    const given = answers(
      assignMembers(
        tasks,
        [
          member("a", encodeSubscription(subscription("old", []))),
          member("b", encodeSubscription(subscription("new", ["0_0"], { fingerprint: "other" }))),
        ],
        [],
        "same",
      ),
    );
    expect(given["a"]).toMatchObject({ error: "none", tasks: ["0_0", "0_1", "0_2", "0_3"] });
    expect(given["b"]).toMatchObject({ error: "topology-differs", tasks: [], detail: "old" });
  });

  it("tells all to stop when one asks for it", () => {
    const given = answers(
      assignMembers(
        tasks,
        [member("a", encodeSubscription(subscription("p", []))), member("b", encodeSubscription(subscription("q", [], { stop: true })))],
        [],
        "same",
      ),
    );
    expect(given["a"]).toMatchObject({ error: "stop", tasks: [] });
    expect(given["b"]).toMatchObject({ error: "stop", tasks: [] });
  });

  it("names the workers that are known and not here, to be fenced, and never one that is here", () => {
    const given = answers(
      assignMembers(tasks, [member("a", encodeSubscription(subscription("p", [])))], ["app-p-0", "app-z-0", "app-b-1"], "same"),
    );
    expect(given["a"]!.departed).toEqual(["app-b-1", "app-z-0"]);
  });
});
