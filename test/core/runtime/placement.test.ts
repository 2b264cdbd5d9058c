import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  type PlaceableMember,
  type PlaceableTask,
  type Placement,
  type PlacementOptions,
  placeTasks,
} from "../../../core/runtime/placement.ts";
import { isComplete } from "../../../core/runtime/subscription.ts";

interface Shape {
  readonly width: number;
  readonly stateful: boolean;
  readonly weight: number;
}

const tasksOf = (shapes: readonly Shape[]): readonly PlaceableTask[] =>
  shapes.flatMap(({ width, stateful, weight }, subtopology) =>
    Array.from({ length: width }, (_, partition) => ({ id: `${subtopology}_${partition}`, subtopology, stateful, weight })),
  );
const stateful = (width: number): readonly PlaceableTask[] => tasksOf([{ width, stateful: true, weight: 1 }]);

const member = (name: string, more: Partial<PlaceableMember> = {}): PlaceableMember => ({
  id: `member-${name}`,
  processId: name,
  rack: "",
  tasks: [],
  stored: new Map(),
  ...more,
});

const options = (more: Partial<PlacementOptions> = {}): PlacementOptions => ({
  standbys: 0,
  warmupsMax: 2,
  acceptableLag: 100,
  ends: new Map(),
  ...more,
});

const shapes = fc.array(
  fc.record({ width: fc.integer({ min: 0, max: 9 }), stateful: fc.boolean(), weight: fc.integer({ min: 1, max: 5 }) }),
  {
    minLength: 1,
    maxLength: 5,
  },
);
const racks = fc.constantFrom("", "a", "b", "c");

/** Members that may say what they like: of tasks that others have, of tasks that do not exist, with state that goes anywhere. */
const membersOf = (tasks: readonly PlaceableTask[]) => {
  const ids = [...tasks.map(({ id }) => id), "9_99"];
  const said = fc.record({
    tasks: fc.subarray(ids),
    stored: fc.array(fc.tuple(fc.constantFrom(...ids), fc.integer({ min: isComplete, max: 2000 }))),
    rack: racks,
  });
  return fc.array(said, { minLength: 1, maxLength: 7 }).map((all) =>
    all.map(({ tasks: claimed, stored, rack }, i) =>
      // The order of the processes is not that of the members.
      member(String((i * 7) % 10), { id: `member-${i}`, tasks: claimed, stored: new Map(stored), rack }),
    ),
  );
};
const endsOf = (tasks: readonly PlaceableTask[]) =>
  fc
    .array(fc.integer({ min: 0, max: 2000 }), { minLength: tasks.length, maxLength: tasks.length })
    .map((ends) => new Map(tasks.map(({ id }, i) => [id, ends[i]!])));

const world = shapes.chain((given) => {
  const tasks = tasksOf(given);
  return fc.record({
    tasks: fc.constant(tasks),
    members: membersOf(tasks),
    options: fc.record({
      standbys: fc.integer({ min: 0, max: 3 }),
      warmupsMax: fc.integer({ min: 0, max: 3 }),
      acceptableLag: fc.constant(100),
      ends: fc.option(endsOf(tasks), { nil: undefined }),
    }),
  });
});

const spread = (numbers: readonly number[]): number => Math.max(...numbers) - Math.min(...numbers);
const shown = ({ places, settled }: Placement) => ({
  places: Object.fromEntries([...places].sort(([a], [b]) => (a < b ? -1 : 1))),
  settled,
});
const lists = ({ places }: Placement): readonly (readonly string[])[] => [...places.values()].map(({ tasks }) => tasks);

/** What the members say when they have done what they were told, and have read all that there is. */
const obeyed = (
  members: readonly PlaceableMember[],
  { places }: Placement,
  ends: ReadonlyMap<string, number>,
): readonly PlaceableMember[] =>
  members.map((one) => {
    const { tasks, standbys, warmups } = places.get(one.id)!;
    const stored = new Map([...standbys, ...warmups].map((id) => [id, ends.get(id) ?? 0]));
    for (const id of tasks) stored.set(id, isComplete);
    return { ...one, tasks, stored };
  });

describe("where tasks are placed", () => {
  it("everybody is told, and every task runs exactly once", () => {
    fc.assert(
      fc.property(world, ({ tasks, members, options: how }) => {
        const placed = placeTasks(tasks, members, how);
        expect([...placed.places.keys()].sort()).toEqual(members.map(({ id }) => id).sort());
        expect(lists(placed).flat().sort()).toEqual(tasks.map(({ id }) => id).sort());
      }),
    );
  });

  it("a settled placement is even: of each sub-topology, of all stateful tasks and of all tasks nobody has more than one more than another", () => {
    fc.assert(
      fc.property(world, ({ tasks, members, options: how }) => {
        const placed = placeTasks(tasks, members, how);
        fc.pre(placed.settled);
        const counts = (which: (task: PlaceableTask) => boolean): readonly number[] => {
          const ids = new Set(tasks.filter(which).map(({ id }) => id));
          return lists(placed).map((own) => own.filter((id) => ids.has(id)).length);
        };
        expect(spread(counts(() => true))).toBeLessThanOrEqual(1);
        expect(spread(counts((task) => task.stateful))).toBeLessThanOrEqual(1);
        for (const { subtopology } of tasks) expect(spread(counts((task) => task.subtopology === subtopology))).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("it settles: members that do as they are told and read what they are to read come to an even placement that moves no more", () => {
    fc.assert(
      fc.property(world, ({ tasks, members, options: { ends, ...how } }) => {
        const known = { ...how, warmupsMax: Math.max(1, how.warmupsMax), ends: ends ?? new Map<string, number>() };
        let now: readonly PlaceableMember[] = members;
        let placed = placeTasks(tasks, now, known);
        for (let round = 0; !placed.settled; round++) {
          if (round > tasks.length + 1) throw new Error(`Not settled after ${round} rounds: ${JSON.stringify(shown(placed))}`);
          now = obeyed(now, placed, known.ends);
          placed = placeTasks(tasks, now, known);
        }
        expect(spread(lists(placed).map((own) => own.length))).toBeLessThanOrEqual(1);
        const again = placeTasks(tasks, obeyed(now, placed, known.ends), known);
        expect(again.settled).toBe(true);
        expect(lists(again)).toEqual(lists(placed));
      }),
    );
  });

  it("every leader gives the same answer, whatever the order of members and tasks", () => {
    fc.assert(
      fc.property(world, fc.infiniteStream(fc.nat()), ({ tasks, members, options: how }, chance) => {
        const shuffled = <T>(list: readonly T[]): T[] => {
          const keys = new Map(list.map((one) => [one, chance.next().value as number]));
          return [...list].sort((a, b) => keys.get(a)! - keys.get(b)!);
        };
        expect(shown(placeTasks(shuffled(tasks), shuffled(members), how))).toEqual(shown(placeTasks(tasks, members, how)));
      }),
    );
  });

  it("who comes or goes moves only what has to move: a member keeps as many of its tasks as its share allows", () => {
    fc.assert(
      fc.property(
        shapes,
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 0, max: 2 }),
        fc.constantFrom(100, Number.POSITIVE_INFINITY),
        (given, before, after, standbys, acceptableLag) => {
          const tasks = tasksOf(given);
          const fresh = (count: number) => Array.from({ length: count }, (_, i) => member(`p${i}`));
          const how = options({ standbys, acceptableLag });
          const first = placeTasks(tasks, fresh(before), how);
          const known = new Map(obeyed(fresh(before), first, new Map()).map((one) => [one.id, one]));
          const second = placeTasks(
            tasks,
            fresh(after).map((one) => known.get(one.id) ?? one),
            how,
          );
          // Who is a task's guest, until its own place is far enough, is no measure of what a member's share allows.
          if (!second.settled) return expect(acceptableLag).toBe(100);
          for (const [id, { tasks: now }] of second.places)
            for (const { subtopology } of tasks) {
              const of = (ids: readonly string[]): readonly string[] => ids.filter((one) => one.startsWith(`${subtopology}_`));
              const held = of(first.places.get(id)?.tasks ?? []);
              expect(of(now).filter((one) => held.includes(one))).toHaveLength(Math.min(held.length, of(now).length));
            }
        },
      ),
    );
  });

  it("a task never has two of standby, warm-up and active at one member, and as many standbys as there are members for them", () => {
    fc.assert(
      fc.property(world, ({ tasks, members, options: how }) => {
        const { places } = placeTasks(tasks, members, how);
        for (const place of places.values()) {
          const all = [...place.tasks, ...place.standbys, ...place.warmups];
          expect(new Set(all).size).toBe(all.length);
        }
        const warming = [...places.values()].flatMap(({ warmups }) => warmups);
        expect(warming.length).toBeLessThanOrEqual(how.warmupsMax);
        for (const task of tasks) {
          const found = [...places.values()].filter(({ standbys }) => standbys.includes(task.id)).length;
          const room = members.length - 1 - (warming.includes(task.id) ? 1 : 0);
          expect([task.id, found]).toEqual([task.id, task.stateful ? Math.min(how.standbys, room) : 0]);
        }
      }),
    );
  });

  it("the first standby stands in another rack than its task, wherever there is another one", () => {
    fc.assert(
      fc.property(world, ({ tasks, members, options: how }) => {
        const { places } = placeTasks(tasks, members, { ...how, standbys: Math.max(1, how.standbys), warmupsMax: 0 });
        const rackOf = new Map(members.map(({ id, rack }) => [id, rack]));
        for (const task of tasks.filter((one) => one.stateful)) {
          const at = (list: "tasks" | "standbys") =>
            [...places].filter(([, place]) => place[list].includes(task.id)).map(([id]) => rackOf.get(id)!);
          const [home] = at("tasks");
          if (members.some(({ rack }) => rack !== home)) expect(at("standbys").some((rack) => rack !== home)).toBe(true);
        }
      }),
    );
  });

  it("a stateful task stays with an owner that is close enough until the member it belongs to is close enough too", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 8 }),
        fc.array(fc.integer({ min: 0, max: 2000 }), { minLength: 8, maxLength: 8 }),
        (width, progress) => {
          const tasks = stateful(width);
          const ids = tasks.map(({ id }) => id);
          const ends = new Map(ids.map((id) => [id, 1000]));
          const owner = member("owner", { tasks: ids, stored: new Map(ids.map((id) => [id, isComplete])) });
          const newcomer = member("newcomer", { stored: new Map(ids.map((id, i) => [id, progress[i]!])) });
          const { places, settled } = placeTasks(tasks, [owner, newcomer], options({ ends }));
          for (const id of places.get(newcomer.id)!.tasks) expect(1000 - newcomer.stored.get(id)!).toBeLessThanOrEqual(100);
          expect(settled).toBe(Math.abs(places.get(owner.id)!.tasks.length - places.get(newcomer.id)!.tasks.length) <= 1);
        },
      ),
    );
  });

  it("warm-ups come to a newcomer two at a time, and each move follows on its warm-up", () => {
    const tasks = stateful(8);
    const ids = tasks.map(({ id }) => id);
    const ends = new Map(ids.map((id) => [id, 1000]));
    const owner = member("a", { tasks: ids, stored: new Map(ids.map((id) => [id, isComplete])) });
    const first = placeTasks(tasks, [owner, member("b")], options({ ends }));
    expect(shown(first)).toMatchObject({
      settled: false,
      places: { "member-a": { tasks: ids }, "member-b": { tasks: [], warmups: ["0_4", "0_5"] } },
    });
    const halfway = member("b", {
      stored: new Map([
        ["0_4", 950],
        ["0_5", 400],
      ]),
    });
    const second = placeTasks(tasks, [owner, halfway], options({ ends }));
    expect(second.places.get("member-b")).toEqual({ tasks: ["0_4"], standbys: [], warmups: ["0_5", "0_6"] });
  });

  it("the tasks of one that has died go to those that stand by for them, although that is uneven, and the others warm up", () => {
    const tasks = stateful(4);
    const ends = new Map(tasks.map(({ id }) => [id, 1000]));
    const survivors = [
      member("b", {
        tasks: ["0_2"],
        stored: new Map([
          ["0_2", isComplete],
          ["0_0", 990],
          ["0_1", 990],
        ]),
      }),
      member("c", { tasks: ["0_3"], stored: new Map([["0_3", isComplete]]) }),
    ];
    const { places, settled } = placeTasks(tasks, survivors, options({ ends, standbys: 1 }));
    expect(places.get("member-b")!.tasks).toEqual(["0_0", "0_1", "0_2"]);
    expect([places.get("member-c")!.warmups, settled]).toEqual([["0_1"], false]);
  });

  it("when nobody is close enough, whoever has most of a task's state gets it", () => {
    const tasks = stateful(1);
    const ends = new Map([["0_0", 10_000]]);
    const { places } = placeTasks(tasks, [member("a"), member("b", { stored: new Map([["0_0", 7000]]) })], options({ ends }));
    expect(places.get("member-b")!.tasks).toEqual(["0_0"]);
  });

  it("heavy sub-topologies are spread before light ones, so that no member gets all that is heavy", () => {
    const tasks = tasksOf([
      { width: 1, stateful: true, weight: 1 },
      { width: 1, stateful: true, weight: 5 },
      { width: 1, stateful: true, weight: 5 },
      { width: 1, stateful: true, weight: 1 },
    ]);
    const { places } = placeTasks(tasks, [member("a"), member("b")], options());
    for (const { tasks: own } of places.values()) expect(own.filter((id) => id === "1_0" || id === "2_0")).toHaveLength(1);
  });

  it("standbys stay where they are when nothing changes, and where a task ran before there is its standby next", () => {
    const tasks = stateful(6);
    const members = ["a", "b", "c"].map((name) => member(name));
    const first = placeTasks(tasks, members, options({ standbys: 1 }));
    const now = obeyed(members, first, new Map());
    expect(shown(placeTasks(tasks, now, options({ standbys: 1 })))).toEqual(shown(first));
    const grown = placeTasks(tasks, [...now, member("d")], options({ standbys: 1 }));
    for (const id of grown.places.get("member-d")!.tasks) {
      const before = [...first.places].find(([, { tasks: own }]) => own.includes(id))![0];
      const holders = [...first.places].filter(([, place]) => place.standbys.includes(id)).map(([one]) => one);
      const after = [...grown.places].filter(([, place]) => place.standbys.includes(id)).map(([one]) => one);
      expect([before, ...holders]).toContain(after[0]);
    }
  });
});
