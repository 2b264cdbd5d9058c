import { describe, expect, it } from "@jest/globals";
import { millis, minutes, seconds } from "../../../core/duration.ts";
import type { App } from "../../../core/runtime/app.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import type { RunOptions } from "../../../topology/run_options.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";
import { FaultyLink } from "../../support/faulty_link.ts";

const words = topic("words", { key: text, value: text });
const counts = topic("counts", { key: text, value: integer });

/** Counts words by key: one sub-topology, one store. */
const counting = topology("counting", ({ from }) => {
  from(words).keyBy().count("count").to(counts);
});

const partitions = 6;
const keys = Array.from({ length: 60 }, (_, i) => `w${i}`);

interface Told {
  readonly tasks: readonly string[];
  readonly standbys: readonly string[];
  readonly warmups: readonly string[];
}

interface Instance {
  readonly app: App & { kill(): void };
  readonly link: FaultyLink;
  /** The last word of the group. */
  told: Told;
  /** Changelog records that were missing, over all restores. */
  missing: number;
  /** How often each task was given to this instance anew. */
  readonly opened: Map<string, number>;
}

const world = async (options: RunOptions = {}) => {
  const cluster = new Cluster();
  await cluster.create("words", partitions);
  await cluster.create("counts", 1);
  const said = new Map<string, number>();
  const say = async (...spoken: readonly string[]): Promise<void> => {
    for (const word of spoken) said.set(word, (said.get(word) ?? 0) + 1);
    await cluster.produce(
      words,
      spoken.map((word) => ({ key: word, value: word })),
    );
  };
  const start = async (more: RunOptions = {}): Promise<Instance> => {
    const link = new FaultyLink({ clock: cluster.clock, latencyMs: () => 1 });
    const at = { told: { tasks: [], standbys: [], warmups: [] } as Told, missing: 0, opened: new Map<string, number>() };
    const totals = new Map<string, number>();
    const app = await cluster.start(counting, {
      log: cluster.memory.connect(link),
      group: { sessionTimeout: seconds(6), heartbeat: seconds(2) },
      ...options,
      ...more,
      on: {
        assigned: (assigned) => {
          for (const id of assigned.tasks) if (!at.told.tasks.includes(id)) at.opened.set(id, (at.opened.get(id) ?? 0) + 1);
          at.told = assigned;
        },
        restore: ({ task, total }) => {
          at.missing += total - (totals.get(task) ?? 0);
          totals.set(task, total);
        },
        state: ({ to }) => void (to === "rebalancing" && totals.clear()),
      },
    });
    return Object.assign(at, { app, link });
  };
  const kill = (one: Instance): void => {
    one.link.cut();
    one.app.kill();
  };
  /** Each word has been counted up from one, each number once: nothing is lost and nothing is there twice. */
  const expectExact = async (): Promise<void> => {
    const found = new Map<string, number[]>();
    for (const { key, value } of await cluster.read(counts)) found.set(key!, [...(found.get(key!) ?? []), value!]);
    const shown = [...found].map(([word, numbers]) => [word, numbers.join()]).sort();
    expect(shown).toEqual([...said].map(([word, n]) => [word, Array.from({ length: n }, (_, i) => i + 1).join()]).sort());
  };
  return { cluster, say, start, kill, expectExact };
};

const all = (instances: readonly Instance[], list: keyof Told): readonly string[] => instances.flatMap(({ told }) => told[list]).sort();
const everyTask = Array.from({ length: partitions }, (_, partition) => `0_${partition}`);
const gauge = ({ app }: Instance, name: string): number[] =>
  [...app.metrics()].filter((one) => one.name === name).map(({ value }) => value);

describe("standbys", () => {
  it("keep the state of what others run up to date, and take it over without reading it from the start", async () => {
    const { cluster, say, start, kill, expectExact } = await world({ standbys: 1 });
    const [a, b] = [await start(), await start()];
    await cluster.clock.advance(10_000);
    expect([all([a, b], "tasks"), all([a, b], "standbys")]).toEqual([everyTask, everyTask]);
    for (let round = 0; round < 5; round++) {
      await say(...keys);
      await cluster.clock.advance(1000);
    }
    expect(gauge(a, "standby_lag_records")).toEqual([0, 0, 0]);
    a.missing = 0;
    kill(b);
    await say(...keys);
    await cluster.clock.advance(12_000);
    expect(a.told.tasks).toEqual(everyTask);
    // What was written and not heard of yet, and the end of its transaction; the state has hundreds of records.
    expect(a.missing).toBeLessThanOrEqual(9);
    await say(...keys);
    await cluster.clock.advance(1000);
    await expectExact();
    await cluster.close();
    expect(cluster.clock.nextDueMs).toBeUndefined();
  });

  it("are where a task ran before, with the store that it has left there", async () => {
    const { cluster, say, start, expectExact } = await world({ standbys: 1 });
    const a = await start();
    await cluster.clock.advance(5000);
    for (let round = 0; round < 3; round++) {
      await say(...keys);
      await cluster.clock.advance(500);
    }
    const b = await start();
    await cluster.clock.advance(5000);
    expect([a.told.tasks.length, b.told.tasks.length]).toEqual([3, 3]);
    expect(a.told.standbys).toEqual(b.told.tasks);
    await say(...keys);
    await cluster.clock.advance(1000);
    const read = [...a.app.metrics()].filter(({ name }) => name === "standby_records").reduce((sum, { value }) => sum + value, 0);
    // One round of the words of three partitions of six: the rounds before were there already.
    expect(read).toBeLessThanOrEqual(keys.length);
    expect(read).toBeGreaterThan(0);
    a.missing = 0;
    await cluster.drive(b.app.close());
    await cluster.clock.advance(1000);
    expect([a.told.tasks, a.missing]).toEqual([everyTask, 0]);
    await say(...keys);
    await cluster.clock.advance(1000);
    await expectExact();
    await cluster.close();
  });

  it("stand in another rack than what they stand by for", async () => {
    const { cluster, start } = await world({ standbys: 1 });
    const instances = [];
    for (const rack of ["a", "a", "b"]) instances.push(await start({ rack }));
    await cluster.clock.advance(15_000);
    const [one, two, other] = instances as [Instance, Instance, Instance];
    expect(all(instances, "tasks")).toEqual(everyTask);
    expect(all(instances, "standbys")).toEqual(everyTask);
    for (const id of [...one.told.tasks, ...two.told.tasks]) expect(other.told.standbys).toContain(id);
    await cluster.close();
  });

  it("are closed when they are not wanted any more, and leave nothing behind", async () => {
    const { cluster, say, start } = await world({ standbys: 2 });
    const instances = [await start(), await start(), await start()];
    await say(...keys);
    await cluster.clock.advance(10_000);
    expect(all(instances, "standbys").length).toBe(2 * partitions);
    await cluster.drive(instances[0]!.app.close());
    await cluster.clock.advance(5000);
    expect(all(instances.slice(1), "standbys")).toEqual(everyTask);
    await cluster.close();
    expect(cluster.clock.nextDueMs).toBeUndefined();
  });
});

describe("a task with much state", () => {
  it("stays where it is until its next owner has caught up, two at a time, and none of them stops meanwhile", async () => {
    const { cluster, say, start, expectExact } = await world({ acceptableRecoveryLag: 20 });
    const a = await start();
    await cluster.clock.advance(5000);
    for (let round = 0; round < 5; round++) {
      await say(...keys);
      await cluster.clock.advance(500);
    }
    const link = new FaultyLink({ clock: cluster.clock, latencyMs: () => 1 });
    let blocked = true;
    // The changelogs cannot be read at first: so long nothing may move.
    link.fault = (kind, detail) =>
      blocked && kind === "Fetch" && JSON.stringify(detail["positions"]).includes("-changelog") ? "request-lost" : undefined;
    const b = await start({ log: cluster.memory.connect(link) });
    await cluster.clock.advance(60_000);
    expect([a.told.tasks, b.told.tasks, b.told.warmups.length]).toEqual([everyTask, [], 2]);
    await say(...keys);
    await cluster.clock.advance(1000);
    await expectExact();
    blocked = false;
    // Whoever is ready says so: nobody waits for ten minutes.
    await cluster.clock.advance(30_000);
    expect([all([a, b], "tasks"), b.told.tasks.length, all([a, b], "warmups")]).toEqual([everyTask, 3, []]);
    expect([...a.opened.values()]).toEqual(everyTask.map(() => 1));
    await say(...keys);
    await cluster.clock.advance(1000);
    await expectExact();
    await cluster.close();
  });

  it("is looked at again after the probing interval when nobody says that it is ready", async () => {
    const { cluster, say, start } = await world({ acceptableRecoveryLag: 20, maxWarmupReplicas: 0, probingRebalanceInterval: minutes(1) });
    const a = await start();
    await cluster.clock.advance(5000);
    for (let round = 0; round < 5; round++) {
      await say(...keys);
      await cluster.clock.advance(500);
    }
    await start();
    await cluster.clock.advance(5000);
    let rebalances = 0;
    a.app.on("state", ({ to }) => void (to === "rebalancing" && rebalances++));
    await cluster.clock.advance(minutes(3));
    expect(rebalances).toBe(3);
    await cluster.close();
  });
});

describe("a clean stop", () => {
  it("hands the tasks over at once, not only with the next heartbeat", async () => {
    const { cluster, say, start, expectExact } = await world({
      standbys: 1,
      group: { sessionTimeout: seconds(45), heartbeat: seconds(15) },
    });
    const [a, b] = [await start(), await start()];
    await cluster.clock.advance(60_000);
    await say(...keys);
    await cluster.clock.advance(1000);
    expect([a.told.tasks.length, b.told.tasks.length]).toEqual([3, 3]);
    const from = cluster.clock.monotonic();
    await cluster.drive(b.app.close());
    await say(...keys);
    await cluster.clock.advance(500);
    expect(a.told.tasks).toEqual(everyTask);
    await expectExact();
    expect(cluster.clock.monotonic() - from).toBeLessThan(1000);
    await cluster.close();
  });

  it("of one that is killed while it restores leaves nothing open", async () => {
    const { cluster, say, start, kill } = await world();
    const a = await start();
    await say(...keys);
    await cluster.clock.advance(5000);
    await cluster.drive(a.app.close());
    const b = await start();
    await cluster.clock.advance(3);
    kill(b);
    await cluster.clock.advance(60_000);
    expect(cluster.clock.nextDueMs).toBeUndefined();
  });
});

describe("an instance with a name of its own", () => {
  const named = { group: { sessionTimeout: seconds(20), heartbeat: seconds(2) }, standbys: 0 };

  it("that is killed in the middle of a transaction and comes back gets its tasks without a rebalance, and works on at once", async () => {
    const { cluster, say, start, kill, expectExact } = await world({ ...named, commit: { interval: millis(500) } });
    const [a, b] = [await start({ instanceId: "a" }), await start({ instanceId: "b" })];
    await cluster.clock.advance(30_000);
    let rebalances = 0;
    a.app.on("state", ({ to }) => void (to === "rebalancing" && rebalances++));
    const tasks = b.told.tasks;
    expect(tasks.length).toBe(3);
    await say(...keys);
    await cluster.clock.advance(300);
    kill(b);
    const again = await start({ instanceId: "b", commit: { interval: millis(500) } });
    await say(...keys);
    await cluster.clock.advance(2000);
    expect([again.told.tasks, rebalances]).toEqual([tasks, 0]);
    await expectExact();
    await cluster.close();
  });

  it("that is closed is waited for, unless it says that it leaves", async () => {
    const { cluster, start } = await world(named);
    const [a, b] = [await start({ instanceId: "a" }), await start({ instanceId: "b" })];
    await cluster.clock.advance(30_000);
    const tasks = b.told.tasks;
    await cluster.drive(b.app.close());
    await cluster.clock.advance(10_000);
    expect(a.told.tasks.length).toBe(3);
    const again = await start({ instanceId: "b" });
    await cluster.clock.advance(2000);
    expect(again.told.tasks).toEqual(tasks);
    await cluster.drive(again.app.close({ leaveGroup: true }));
    await cluster.clock.advance(1000);
    expect(a.told.tasks).toEqual(everyTask);
    await cluster.close();
  });

  it("that leads the group comes back as its leader", async () => {
    const { cluster, say, start, kill, expectExact } = await world(named);
    const [a, b] = [await start({ instanceId: "a" }), await start({ instanceId: "b" })];
    await cluster.clock.advance(30_000);
    kill(a);
    const again = await start({ instanceId: "a" });
    await cluster.clock.advance(3000);
    expect(all([again, b], "tasks")).toEqual(everyTask);
    const c = await start({ instanceId: "c" });
    await cluster.clock.advance(30_000);
    expect(all([again, b, c], "tasks")).toEqual(everyTask);
    expect(c.told.tasks.length).toBe(2);
    await say(...keys);
    await cluster.clock.advance(1000);
    await expectExact();
    await cluster.close();
  });

  it("stops with a clear error when another one takes its name, whatever the policy for errors is", async () => {
    const { cluster, say, start, expectExact } = await world({ ...named, onUncaught: "replace-worker" });
    const older = await start({ instanceId: "same" });
    await say(...keys);
    await cluster.clock.advance(10_000);
    const younger = await start({ instanceId: "same" });
    await say(...keys);
    await cluster.clock.advance(10_000);
    await expect(older.app.finished).rejects.toMatchObject({
      name: "ConfigurationError",
      code: "INSTANCE_REPLACED",
      message:
        "Another process has joined application 'counting' as instance 'same', so this one stops: give every instance an instanceId of its own",
    });
    expect([younger.app.state, younger.told.tasks]).toEqual(["running", everyTask]);
    await expectExact();
    await cluster.close();
  });
});
