import { describe, expect, it } from "@jest/globals";
import { millis, minutes, seconds } from "../../../core/duration.ts";
import { FaultyLink } from "../../support/faulty_link.ts";
import { all, everyTask, type Instance, keys, partitions, scalingWorld } from "../../support/scaling_world.ts";

const gauge = ({ app }: Instance, name: string): number[] =>
  [...app.metrics()].filter((one) => one.name === name).map(({ value }) => value);

describe("standbys", () => {
  it("keep the state of what others run up to date, and take it over without reading it from the start", async () => {
    const { cluster, say, start, kill, expectExact } = await scalingWorld({ standbys: 1 });
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
    const { cluster, say, start, expectExact } = await scalingWorld({ standbys: 1 });
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
    const { cluster, start } = await scalingWorld({ standbys: 1 });
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
    const { cluster, say, start } = await scalingWorld({ standbys: 2 });
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
    const { cluster, say, start, expectExact } = await scalingWorld({ acceptableRecoveryLag: 20 });
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
    const { cluster, say, start } = await scalingWorld({
      acceptableRecoveryLag: 20,
      maxWarmupReplicas: 0,
      probingRebalanceInterval: minutes(1),
    });
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

  it("does not make the group share again and again when it is never quite ready", async () => {
    const world = await scalingWorld({ acceptableRecoveryLag: 0 });
    const { cluster, say, start } = world;
    const a = await start();
    await cluster.clock.advance(5000);
    await say(...keys);
    await cluster.clock.advance(500);
    await start();
    let rebalances = 0;
    a.app.on("state", ({ to }) => void (to === "rebalancing" && rebalances++));
    // At every moment something is under way that is in no standby yet.
    await world.flow(30_000);
    expect(rebalances).toBeLessThan(12);
    await cluster.close();
  });
});

describe("a clean stop", () => {
  it("hands the tasks over at once, not only with the next heartbeat", async () => {
    const { cluster, say, start, expectExact } = await scalingWorld({
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
    const { cluster, say, start, kill } = await scalingWorld();
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
    const { cluster, say, start, kill, expectExact } = await scalingWorld({ ...named, commit: { interval: millis(500) } });
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
    const { cluster, start } = await scalingWorld(named);
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
    const { cluster, say, start, kill, expectExact } = await scalingWorld(named);
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
    const { cluster, say, start, expectExact } = await scalingWorld({ ...named, onUncaught: "replace-worker" });
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
