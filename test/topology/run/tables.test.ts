import { describe, expect, it } from "@jest/globals";
import { millis, seconds } from "../../../core/duration.ts";
import { json } from "../../../core/serde/json.ts";
import { nullable } from "../../../core/serde/nullable.ts";
import { text } from "../../../core/serde/text.ts";
import { windowed } from "../../../core/serde/windowed.ts";
import { count } from "../../../core/state/aggregator.ts";
import { onUpdate } from "../../../core/window/revision.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import type { Scope } from "../../../topology/scope.ts";
import { untilWindowCloses } from "../../../topology/suppression.ts";
import { testDriver } from "../../../topology/testing/test_driver.ts";
import { type Topic, topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";

interface Order {
  readonly product: string;
  readonly amount: number;
}

const orders = topic("orders", { key: text, value: json<Order>() });
const products = topic("products", { key: text, value: json<{ readonly price: number }>() });
const out = topic("out", { key: text, value: json<unknown>() });
const windows = topic("windows", { key: windowed(text), value: json<number>() });

const keys = Array.from({ length: 24 }, (_, i) => `k${i}`);

/** Orders of 24 keys that come, change and go; every tenth is a deletion. */
const orderRecords = Array.from({ length: 240 }, (_, i) => ({
  key: keys[(i * 7) % keys.length]!,
  value: i % 10 === 9 ? null : { product: `p${(i * 5) % 6}`, amount: i },
  timestamp: 1000 + i * 10,
}));
const productRecords = Array.from({ length: 30 }, (_, i) => ({
  key: i % 2 === 0 ? `p${i % 6}` : keys[i % keys.length]!,
  value: i % 13 === 12 ? null : { price: i },
  timestamp: 1000 + i * 80,
}));

/** What the program comes to on two instances, and what the test driver comes to, by key: the order of keys is nobody's business, that of two topics neither. */
const bothWays = async <K, V>(
  build: (scope: Scope) => void,
  to: Topic<K, V>,
): Promise<readonly [Map<string, unknown>, Map<string, unknown>]> => {
  const program = topology("tables", build);
  const cluster = new Cluster({ seed: 3 });
  for (const { name } of [orders, products, to]) await cluster.create(name, 4);
  await cluster.produce(orders, orderRecords);
  await cluster.produce(products, productRecords);
  for (const instanceId of ["a", "b"]) await cluster.start(program, { mode: "batch", instanceId });
  await cluster.finished();
  expect(cluster.warnings).toEqual([]);
  const onTwo = new Map<string, unknown>();
  for (const { key, value } of await cluster.read(to)) set(onTwo, key, value);
  const byHand = new Map<string, unknown>();
  const driver = testDriver(program);
  const inputs = [
    ...orderRecords.map((record) => ({ ...record, into: orders as Topic<any, any> })),
    ...productRecords.map((record) => ({ ...record, into: products as Topic<any, any> })),
  ].sort((a, b) => a.timestamp - b.timestamp);
  const reads = (into: Topic<any, any>): boolean =>
    program.plan().subtopologies.some((part) => part.inputs.some((input) => input.topic.name === into.name));
  for (const { into, key, value, timestamp } of inputs) if (reads(into)) driver.createInputTopic(into).pipeInput(value, { key, timestamp });
  for (const { key, value } of driver.createOutputTopic(to).readRecords()) set(byHand, key, value);
  return [onTwo, byHand];
};

const set = (rows: Map<string, unknown>, key: unknown, value: unknown): void => {
  const name = JSON.stringify(key);
  rows.delete(name);
  if (value !== null) rows.set(name, value);
};

describe("two instances come to what one task comes to", () => {
  it("for tables that are joined under one key", async () => {
    const [onTwo, byHand] = await bothWays(({ table }) => {
      table(orders)
        .outerJoin("both", table(products), (order, product) => [order?.amount ?? null, product?.price ?? null])
        .to(out);
    }, out);
    expect(byHand.size).toBeGreaterThan(20);
    expect(onTwo).toEqual(byHand);
  });

  it("for tables that are joined by a key in their rows", async () => {
    const price = ({ product }: Order) => product;
    const inner = await bothWays(({ table }) => {
      table(orders)
        .join("priced", table(products), price, ({ amount }, product) => [amount, product.price])
        .to(out);
    }, out);
    const left = await bothWays(({ table }) => {
      table(orders)
        .leftJoin("priced", table(products), price, ({ amount }, product) => [amount, product?.price ?? null])
        .to(out);
    }, out);
    for (const [onTwo, byHand] of [inner, left]) {
      expect(byHand.size).toBeGreaterThan(5);
      expect(onTwo).toEqual(byHand);
    }
  });

  it("for a table that is grouped anew", async () => {
    const [onTwo, byHand] = await bothWays(({ table }) => {
      table(orders)
        .groupBy(({ product }) => product)
        .aggregate("per-product", {
          init: () => 0,
          add: (sum: number, { amount }) => sum + amount,
          subtract: (sum: number, { amount }) => sum - amount,
        })
        .to(out);
    }, out);
    expect(byHand.size).toBe(6);
    expect(onTwo).toEqual(byHand);
  });

  it("for windows that are told once", async () => {
    const [onTwo] = await bothWays(({ from }) => {
      from(topic("orders", { key: text, value: nullable(json<Order>()) }))
        .filter((order) => order !== null)
        .keyBy()
        .window(tumbling({ size: millis(500) }), { emit: onUpdate({ clock: "watermark" }) })
        .aggregate("per-window", count())
        .suppress("final", untilWindowCloses({ clock: "watermark" }))
        .to(windows);
    }, windows);
    const counted = new Map<string, number>();
    for (const { key, value, timestamp } of orderRecords) {
      const start = Math.floor(timestamp / 500) * 500;
      const name = JSON.stringify({ key, window: { start, end: start + 500 } });
      if (value !== null) counted.set(name, (counted.get(name) ?? 0) + 1);
    }
    expect(onTwo).toEqual(counted);
  });

  it("for streams that are joined by time, each pair once", async () => {
    const within = { before: millis(200), after: millis(300), lateness: seconds(10), clock: "stream-time" } as const;
    const skipDeletions = { onError: { kind: "skip", scope: "record" } } as const;
    const cluster = new Cluster({ seed: 5 });
    for (const { name } of [orders, products, out]) await cluster.create(name, 4);
    await cluster.produce(orders, orderRecords);
    await cluster.produce(products, productRecords);
    const program = topology("joined", ({ from }) => {
      from(orders, skipDeletions)
        .keyBy()
        .join("pairs", from(products, skipDeletions).keyBy(), within, (order, product) => [order.amount, product.price])
        .to(out);
    });
    for (const instanceId of ["a", "b"]) await cluster.start(program, { mode: "batch", instanceId });
    await cluster.finished();
    const pairs = orderRecords.flatMap((order) =>
      productRecords.flatMap((product) =>
        order.value !== null &&
        product.value !== null &&
        order.key === product.key &&
        product.timestamp >= order.timestamp - 200 &&
        product.timestamp <= order.timestamp + 300
          ? [`${order.key} ${order.value.amount} ${product.value.price} ${Math.max(order.timestamp, product.timestamp)}`]
          : [],
      ),
    );
    const got = (await cluster.read(out)).map(({ key, value, timestamp }) => `${key} ${(value as number[]).join(" ")} ${timestamp}`);
    expect(pairs.length).toBeGreaterThan(5);
    expect(got.sort()).toEqual(pairs.sort());
  });

  it("for a table that every task has a copy of", async () => {
    const cluster = new Cluster({ seed: 7 });
    for (const { name } of [orders, products, out]) await cluster.create(name, 4);
    const program = topology("global", ({ from, globalTable }) => {
      from(orders, { onError: { kind: "skip", scope: "record" } })
        .leftJoin(
          "price",
          globalTable(products),
          ({ product }) => product,
          ({ amount }, product) => [amount, product?.price ?? null],
        )
        .to(out);
    });
    await cluster.produce(products, productRecords);
    for (const instanceId of ["a", "b"]) await cluster.start(program, { instanceId });
    await cluster.clock.advance(10_000);
    await cluster.produce(orders, orderRecords);
    await cluster.clock.advance(10_000);
    const prices = new Map<string, number | null>();
    for (const { key, value } of productRecords) prices.set(key, value?.price ?? null);
    const expected = orderRecords.flatMap(({ key, value }) =>
      value === null ? [] : [`${key} ${value.amount} ${prices.get(value.product) ?? null}`],
    );
    const got = (await cluster.read(out)).map(({ key, value }) => `${key} ${(value as unknown[]).map(String).join(" ")}`);
    expect(got.sort()).toEqual(expected.sort());
    await cluster.close();
  });

  it("for a table that every task has a copy of, which is complete before the first record is joined with it, at every start", async () => {
    const cluster = new Cluster({ seed: 11 });
    for (const { name } of [orders, products, out]) await cluster.create(name, 4);
    const program = topology("global", ({ from, globalTable }) => {
      from(orders)
        .join(
          "price",
          globalTable(products),
          ({ product }) => product,
          ({ amount }, { price }) => [amount, price],
        )
        .to(out);
    });
    const price = (product: number, price: number) => ({ key: `p${product}`, value: { price }, timestamp: 1_000_000 });
    // The orders are older than every price, and there are far fewer of them: what is handled by its time, or by what has come first, would miss prices.
    const order = (i: number) => ({ key: keys[i % keys.length]!, value: { product: `p${i % 300}`, amount: i }, timestamp: i });
    const round = async (from: number, rows: (product: number) => number): Promise<void> => {
      const some = Array.from({ length: 60 }, (_, i) => order(from + i));
      await cluster.produce(orders, some);
      await cluster.produce(
        products,
        Array.from({ length: 3000 }, (_, i) => price(i % 300, i < 2700 ? i : rows(i % 300))),
      );
      const apps = await Promise.all(["a", "b"].map((instanceId) => cluster.start(program, { instanceId })));
      await cluster.clock.advance(20_000);
      const joined = (await cluster.read(out)).map(({ value }) => value as readonly number[]).filter(([amount]) => amount! >= from);
      expect(joined.sort(([a], [b]) => a! - b!)).toEqual(some.map(({ value }) => [value.amount, rows(value.amount % 300)]));
      for (const app of apps) await cluster.drive(app.close());
    };
    await round(0, (product) => product);
    await round(1000, (product) => 7 * product);
    await cluster.close();
  });
});
