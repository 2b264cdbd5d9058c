import { expect, it } from "@jest/globals";
import { millis } from "../../core/duration.ts";
import { integer } from "../../core/serde/numbers.ts";
import { text } from "../../core/serde/text.ts";
import { topic } from "../../topology/topic.ts";
import { topology } from "../../topology/topology.ts";
import { type Instance, type InWorld, total } from "./app_world.ts";

const partitions = 2;
const keys = ["a", "b", "c", "d", "e", "f"] as const;

/** A table whose rows come back from its own topic. */
export const tableSources = (on: InWorld): void => {
  it(
    "a table that stands in its topic comes back from it after a kill and after a clean stop, and has no changelog",
    on(async (world) => {
      const orders = topic(world.unique("orders"), { key: text, value: integer });
      const prices = topic(world.unique("prices"), { key: text, value: integer });
      const out = topic(world.unique("priced"), { key: text, value: text });
      for (const { name } of [orders, out]) await world.create(name, partitions);
      await world.settled(
        world.log.admin.create([{ topic: prices.name, partitions, replication: -1, config: { "cleanup.policy": "compact" } }]),
      );
      const program = topology(world.unique("prices-of-orders"), ({ from, table }) => {
        from(orders)
          .keyBy()
          .leftJoin("price", table(prices, { store: "rows", changelog: "source" }), (order, price) => `${order}: ${price ?? "none"}`)
          .to(out);
      });
      const options = { group: { sessionTimeout: millis(world.sessionMs) } } as const;
      const said = async (): Promise<readonly string[]> =>
        (await world.read(out)).map(({ key, value }) => `${key} ${value}`).sort((a, b) => a.localeCompare(b));
      const expected: string[] = [];
      const order = async (number: number, price: (key: string) => number | undefined): Promise<void> => {
        await world.produce(
          orders,
          keys.map((key) => ({ key, value: number })),
        );
        expected.push(...keys.map((key) => `${key} ${number}: ${price(key) ?? "none"}`));
        await world.until(`order ${number} is priced`, async () => ((await said()).length >= expected.length ? true : undefined));
        expect(await said()).toEqual([...expected].sort((a, b) => a.localeCompare(b)));
      };
      const opened = (app: Instance) => world.until("its tasks are open", () => (total(app, "tasks") === partitions ? true : undefined));
      /** A row of each key, and the row of "c" deleted, as soon as the table has read them. */
      const price = async (app: Instance, of: (key: string) => number | null): Promise<void> => {
        const before = total(app, "records_in");
        await world.produce(
          prices,
          keys.map((key) => ({ key, value: of(key) })),
        );
        await world.until("the table has its rows", () => (total(app, "records_in") >= before + keys.length ? true : undefined));
      };
      const first = await world.start(program, options);
      await opened(first);
      await price(first, (key) => key.charCodeAt(0));
      await price(first, (key) => (key === "c" ? null : 2 * key.charCodeAt(0)));
      const priced = (key: string): number | undefined => (key === "c" ? undefined : 2 * key.charCodeAt(0));
      await order(1, priced);
      first.kill();
      const second = await world.start(program, options);
      await opened(second);
      await order(2, priced);
      await world.settled(second.close());
      const third = await world.start(program, options);
      await opened(third);
      await order(3, priced);
      expect(total(third, "restored_records")).toBeGreaterThanOrEqual(keys.length);
      const topics = await world.settled(world.log.admin.list());
      expect(topics.filter((name) => name.startsWith(program.name) && name.endsWith("-changelog"))).toEqual([]);
    }),
  );
};
