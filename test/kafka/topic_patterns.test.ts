import { expect, it } from "@jest/globals";
import { seconds } from "../../core/duration.ts";
import { integer } from "../../core/serde/numbers.ts";
import { text } from "../../core/serde/text.ts";
import { topic } from "../../topology/topic.ts";
import { topics } from "../../topology/topics.ts";
import { topology } from "../../topology/topology.ts";
import { type AppWorld, inWorld, total } from "../app_scenarios/app_world.ts";
import { kafkaAppWorld } from "./app/kafka_app_world.ts";
import { describeKafka } from "./support/describe_kafka.ts";

const on = inWorld(kafkaAppWorld);

const numbers = (from: number): readonly { readonly key: string; readonly value: number }[] =>
  Array.from({ length: 100 }, (_, i) => ({ key: `k${i % 9}`, value: from + i }));

/** Topics of one test and a program that adds up what they hold, key by key. */
const summing = (world: AppWorld) => {
  const prefix = world.unique("orders");
  const named = (region: string) => topic(`${prefix}-${region}`, { key: text, value: integer });
  const totals = topic(world.unique("totals"), { key: text, value: integer });
  const program = topology(world.unique("summing"), ({ from }) => {
    from(topics(new RegExp(`^${prefix}-`), { key: text, value: integer }))
      .repartition("by-key", { partitions: 2 })
      .keyBy()
      .aggregate("sum", { init: () => 0, add: (sum, n) => sum + n })
      .to(totals);
  });
  return { named, totals, program };
};

describeKafka("topics that match a pattern, on a broker", () => {
  it(
    "are waited for, taken in while the program runs, and read exactly once through a crash",
    on(async (world) => {
      const { named, totals, program } = summing(world);
      const [eu, us] = [named("eu"), named("us")];
      await world.create(totals.name, 1);
      const group = { sessionTimeout: seconds(6) };
      const starting = world.start(program, { group });
      await world.pass(1000);
      await world.create(eu.name, 2);
      await world.produce(eu, numbers(0));
      const first = await starting;
      const second = await world.start(program, { group });
      const read = async (): Promise<number> => (await world.read(totals)).length;
      await world.until("the first topic is read", async () => ((await read()) === 100 ? true : undefined));
      await world.create(us.name, 3);
      await world.produce(us, numbers(1000));
      await world.until("the second topic is read, too", async () => ((await read()) === 200 ? true : undefined));
      await world.produce(us, numbers(2000));
      first.kill();
      await world.produce(eu, numbers(3000));
      await world.until("the other instance has done the rest", async () => ((await read()) >= 400 ? true : undefined));
      const all = [0, 1000, 2000, 3000].flatMap(numbers);
      const sums = new Map<string, number>();
      for (const { key, value } of all) sums.set(key, (sums.get(key) ?? 0) + value);
      const last = new Map((await world.read(totals)).map(({ key, value }) => [key!, value!]));
      expect([await read(), last]).toEqual([400, sums]);
      expect(second.state).toBe("running");
    }),
  );

  it(
    "may be deleted while they are read: the others are read on, and the next start is not refused",
    on(async (world) => {
      const { named, totals, program } = summing(world);
      const [eu, us] = [named("eu"), named("us")];
      await world.create(totals.name, 1);
      for (const { name } of [eu, us]) {
        await world.create(name, 1);
        await world.produce(topic(name, { key: text, value: integer }), numbers(0));
      }
      const app = await world.start(program);
      const read = async (): Promise<number> => (await world.read(totals)).length;
      await world.until("both topics are read", async () => ((await read()) === 200 ? true : undefined));
      await world.log.admin.delete([us.name]);
      await world.produce(eu, numbers(1000));
      await world.until("the other one is read on", async () => ((await read()) === 300 ? true : undefined));
      await world.until("the topic is let go of", () =>
        [...app.metrics()].some(({ tags }) => tags["topic"] === us.name) ? undefined : total(app, "tasks") > 0 || undefined,
      );
      await app.close();
      await world.produce(eu, numbers(2000));
      await world.start(program);
      await world.until("the next instance goes on", async () => ((await read()) === 400 ? true : undefined));
    }),
  );
});
