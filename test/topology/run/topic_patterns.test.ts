import { describe, expect, it } from "@jest/globals";
import { minutes, seconds } from "../../../core/duration.ts";
import { deadLetter } from "../../../core/error_policy.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { monotonic } from "../../../core/time/watermark_strategy.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import { topic } from "../../../topology/topic.ts";
import { topics } from "../../../topology/topics.ts";
import { topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";

const orders = topics(/^orders-/, { key: text, value: integer });
const named = (name: string) => topic(name, { key: text, value: integer });
const [eu, us, asia] = [named("orders-eu"), named("orders-us"), named("orders-asia")];
const out = topic("out", { key: text, value: text });
const totals = topic("totals", { key: text, value: integer });

const copying = topology("copying", ({ from }) => {
  from(orders)
    .map((n, { topic }) => `${topic} ${n}`)
    .to(out);
});
/** Sums up per key, behind a shuffle. */
const summing = topology("summing", ({ from }) => {
  from(orders)
    .repartition("by-key", { partitions: 3 })
    .keyBy()
    .aggregate("sum", { init: () => 0, add: (sum, n) => sum + n })
    .to(totals);
});

const open = async (topics: Readonly<Record<string, number>>): Promise<Cluster> => {
  const cluster = new Cluster({ seed: 5 });
  for (const [name, partitions] of Object.entries({ out: 1, totals: 1, ...topics })) await cluster.create(name, partitions);
  return cluster;
};
const say = (cluster: Cluster, to: typeof eu, ...numbers: readonly number[]) =>
  cluster.produce(
    to,
    numbers.map((value) => ({ key: `k${value % 7}`, value })),
  );
const copies = async (cluster: Cluster): Promise<readonly (string | null)[]> => (await cluster.read(out)).map(({ value }) => value).sort();
const upTo = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i);
/** The last total of each key. */
const lastTotals = async (cluster: Cluster): Promise<Readonly<Record<string, number>>> =>
  Object.fromEntries((await cluster.read(totals)).map(({ key, value }) => [key!, value!]));
const totalsOf = (...numbers: readonly number[]): Readonly<Record<string, number>> => {
  const sums: Record<string, number> = {};
  for (const n of numbers) sums[`k${n % 7}`] = (sums[`k${n % 7}`] ?? 0) + n;
  return sums;
};
const nextLook = 31_000;

describe("topics that match a pattern", () => {
  it("are read as one stream, and others are not", async () => {
    const cluster = await open({ "orders-eu": 2, "orders-us": 1, "old-orders-eu": 1, orders: 1 });
    await say(cluster, eu, 1, 2);
    await say(cluster, us, 3);
    await say(cluster, named("old-orders-eu"), 4);
    await say(cluster, named("orders"), 5);
    const app = await cluster.start(copying);
    await cluster.clock.advance(2000);
    expect(await copies(cluster)).toEqual(["orders-eu 1", "orders-eu 2", "orders-us 3"]);
    expect([...app.metrics()].filter(({ name }) => name === "records_in")).toHaveLength(3);
    await cluster.close();
  });

  it("are taken in when they are made while the program runs, with as many partitions as they have", async () => {
    const cluster = await open({ "orders-eu": 1 });
    const app = await cluster.start(copying);
    const assigned: (readonly string[])[] = [];
    app.on("assigned", ({ tasks }) => assigned.push(tasks));
    await say(cluster, eu, 1);
    await cluster.clock.advance(2000);
    await cluster.create("orders-us", 3);
    await say(cluster, us, ...upTo(20, 100));
    await cluster.clock.advance(nextLook);
    await say(cluster, eu, 2);
    await cluster.clock.advance(2000);
    expect(await copies(cluster)).toEqual(["orders-eu 1", "orders-eu 2", ...upTo(20, 100).map((n) => `orders-us ${n}`)].sort());
    expect(assigned.at(-1)).toEqual(["0_0", "0_1", "0_2"]);
    expect(app.state).toBe("running");
    await cluster.close();
  });

  it("are taken in by all instances, whoever finds them, exactly once through a crash", async () => {
    const cluster = await open({ "orders-eu": 2 });
    const first = await cluster.start(summing);
    await cluster.clock.advance(7000);
    const second = await cluster.start(summing);
    await cluster.clock.advance(5000);
    await say(cluster, eu, ...upTo(50));
    await cluster.create("orders-us", 4);
    await say(cluster, us, ...upTo(50, 1000));
    await cluster.clock.advance(25_000);
    await say(cluster, us, ...upTo(50, 2000));
    await cluster.clock.advance(300);
    first.kill();
    await say(cluster, us, ...upTo(50, 3000));
    await cluster.clock.advance(60_000);
    await cluster.create("orders-asia", 1);
    await say(cluster, asia, ...upTo(50, 4000));
    const third = await cluster.start(summing);
    await cluster.clock.advance(nextLook);
    expect(await lastTotals(cluster)).toEqual(totalsOf(...upTo(50), ...[1000, 2000, 3000, 4000].flatMap((from) => upTo(50, from))));
    // Each order has changed its total once.
    expect(await cluster.read(totals)).toHaveLength(250);
    const read = [second, third].flatMap((app) =>
      [...app.metrics()].filter(({ name, tags }) => name === "records_in" && tags["kind"] === "source"),
    );
    expect(read.map(({ tags }) => `${tags["topic"]}/${tags["partition"]}`).sort()).toEqual([
      "orders-asia/0",
      "orders-eu/0",
      "orders-eu/1",
      "orders-us/0",
      "orders-us/1",
      "orders-us/2",
      "orders-us/3",
    ]);
    await cluster.close();
  });

  it("are told to the other instances at once by the one that has found them", async () => {
    const cluster = await open({ "orders-eu": 2 });
    const first = await cluster.start(copying);
    await cluster.clock.advance(15_000);
    const second = await cluster.start(copying);
    await cluster.clock.advance(10_000);
    await cluster.create("orders-us", 2);
    await say(cluster, us, 1, 2, 3, 4);
    // The first one looks 30 s after its start, the second one would 15 s later.
    await cluster.clock.advance(8000);
    expect(await copies(cluster)).toEqual(["orders-us 1", "orders-us 2", "orders-us 3", "orders-us 4"]);
    const tasks = [first, second].map((app) => [...app.metrics()].find(({ name }) => name === "tasks")!.value);
    expect(tasks).toEqual([1, 1]);
    await cluster.close();
  });

  it("keep event time at the one that is furthest behind", async () => {
    const windows = topology("windows", ({ from }) => {
      from(orders, { timestamp: (n) => n * 1000, watermarks: monotonic() })
        .repartition("all", { partitions: 1 })
        .keyBy(() => "all")
        .window(tumbling({ size: seconds(10) }))
        .count("count")
        .to(totals);
    });
    const cluster = await open({ "orders-eu": 1, "orders-us": 1 });
    await cluster.start(windows);
    await say(cluster, eu, 1, 2, 15, 30);
    await cluster.clock.advance(3000);
    expect(await cluster.read(totals)).toEqual([]);
    await say(cluster, us, 3, 12);
    await cluster.clock.advance(3000);
    expect((await cluster.read(totals)).map(({ value }) => value)).toEqual([3]);
    await cluster.close();
  });

  it("may go: the others are read on, and one that is made again is a new topic", async () => {
    const cluster = await open({ "orders-eu": 1, "orders-us": 1 });
    const app = await cluster.start(copying);
    await say(cluster, eu, 1);
    await say(cluster, us, 2);
    await cluster.clock.advance(2000);
    await cluster.drive(cluster.log.admin.delete(["orders-us"]));
    await cluster.clock.advance(1000);
    await say(cluster, eu, 3);
    await cluster.clock.advance(nextLook);
    expect(await copies(cluster)).toEqual(["orders-eu 1", "orders-eu 3", "orders-us 2"]);
    await cluster.create("orders-us", 1);
    await say(cluster, us, 4);
    await cluster.clock.advance(nextLook);
    expect(await copies(cluster)).toEqual(["orders-eu 1", "orders-eu 3", "orders-us 2", "orders-us 4"]);
    expect(app.state).toBe("running");
    await cluster.close();
  });

  it("are known to the next start, which is not refused when others match by then", async () => {
    const cluster = await open({ "orders-eu": 3 });
    const counting = topology("counting", ({ from }) => {
      from(orders)
        .keyBy()
        .aggregate("sum", { init: () => 0, add: (sum, n) => sum + n })
        .to(totals);
    });
    const app = await cluster.start(counting);
    await say(cluster, eu, 1, 8);
    await cluster.clock.advance(2000);
    await cluster.drive(app.close());
    await cluster.create("orders-us", 3);
    await say(cluster, us, 15);
    const again = await cluster.start(counting);
    await cluster.clock.advance(2000);
    expect(await lastTotals(cluster)).toEqual({ k1: 24 });
    // Keys of all of them have to meet, now and later.
    await cluster.create("orders-asia", 4);
    const error = await cluster.drive(
      again.finished.then(
        () => undefined,
        (error: unknown) => error,
      ),
    );
    expect(error).toMatchObject({ name: "ConfigurationError", code: "PARTITIONS_DIFFER" });
    expect((error as Error).message).toMatch(/topic 'orders-asia' has 4 partitions.*topic 'orders-eu' has 3 partitions/);
    await cluster.close();
  });

  it("share what is put off, and where it goes in the end", async () => {
    const parking = topology("parking", ({ from }) => {
      from(orders)
        .map((n) => {
          if (n >= 1000) throw new Error("too many");
          return String(n);
        })
        .with({ name: "picky", onError: deadLetter("parked", { retryAfter: [minutes(1)], parkKey: true }) })
        .to(out);
    });
    const cluster = await open({ "orders-eu": 1, parked: 1 });
    const app = await cluster.start(parking);
    await cluster.create("orders-us", 1);
    await say(cluster, eu, 1, 1001);
    await cluster.clock.advance(nextLook);
    await say(cluster, us, 2, 1002);
    await cluster.clock.advance(150_000);
    expect(await copies(cluster)).toEqual(["1", "2"]);
    expect((await cluster.read(named("parked"))).map(({ value }) => value).sort()).toEqual([1001, 1002]);
    // What is put off is state of a task, with a changelog that has a partition for each: one more task has no place in it.
    await cluster.create("orders-asia", 2);
    const error = await cluster.drive(
      app.finished.then(
        () => undefined,
        (error: unknown) => error,
      ),
    );
    expect(error).toMatchObject({ name: "ConfigurationError", code: "PARTITIONS_DIFFER" });
    expect((error as Error).message).toContain(
      "has 1 partitions and the topology needs 2: did an input topic get more partitions, or does a wider one match a pattern?",
    );
    await cluster.close();
  });
});
