import { describe, expect, it } from "@jest/globals";
import { millis, minutes } from "../../../core/duration.ts";
import { fail, skip } from "../../../core/error_policy.ts";
import type { StepError } from "../../../core/errors.ts";
import { json } from "../../../core/serde/json.ts";
import { text } from "../../../core/serde/text.ts";
import { mapState, valueState } from "../../../core/state/descriptors.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import { sink } from "../../../topology/sink.ts";
import type { KeyedStream, Stream } from "../../../topology/stream.ts";
import { feed } from "../../../topology/testing/feed.ts";
import { harness } from "../../../topology/testing/harness.ts";
import { input } from "../../../topology/testing/input.ts";
import { simulate } from "../../../topology/testing/simulate.ts";
import { testDriver } from "../../../topology/testing/test_driver.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { BadInput, counted, utf8 } from "./outcome.ts";

interface Order {
  item: string;
  amount: number;
  tags: string[];
}

const orders = topic("orders", { key: text, value: json<Order>() });
const out = topic("out", { key: text, value: json<unknown>() });
const advice = /Values are frozen here \(freezeValues\).*make a new value instead/;

const order = (item: string, amount = 1): Uint8Array => utf8(JSON.stringify({ item, amount, tags: [] }));

/** Functions that change what they were given, each in another place. */
const careless: readonly (readonly [what: string, step: string, steps: (stream: Stream<Order, string | null>) => Stream<unknown, any>])[] =
  [
    [
      "a value that was read",
      "discount",
      (stream) =>
        stream
          .map((value) => {
            value.amount = 0;
            return value;
          })
          .with({ name: "discount" }),
    ],
    ["what lies deep in a value", "tag", (stream) => stream.peek((value) => void value.tags.push("seen")).with({ name: "tag" })],
    [
      "what another step has made",
      "second",
      (stream) =>
        stream
          .map(({ item }) => ({ item, seen: 0 }))
          .map((value) => {
            value.seen++;
            return value;
          })
          .with({ name: "second" }),
    ],
    [
      "what it has sent on itself",
      "twice",
      (stream) =>
        stream
          .flatMap(function* (value) {
            const copy = { ...value };
            yield copy;
            copy.amount++;
            yield copy;
          })
          .with({ name: "twice" }),
    ],
    [
      "a value that it has put into a store",
      "after-put",
      (stream) =>
        keyed(stream).process("after-put", {
          state: { last: valueState<Order>() },
          onRecord: (value, { state }) => {
            const mine = { ...value };
            state.last.set(mine);
            mine.amount = 7;
            return [mine];
          },
        }),
    ],
    [
      "a value that it has read from a store",
      "after-get",
      (stream) =>
        keyed(stream).process("after-get", {
          state: { known: mapState<string, Order>() },
          onRecord: (value, { state }) => {
            const known = state.known.get(value.item);
            if (known === undefined) state.known.set(value.item, value);
            else known.amount += value.amount;
            return [value];
          },
        }),
    ],
    [
      "the accumulator of an aggregate",
      "sum",
      (stream) =>
        keyed(stream)
          .aggregate("sum", {
            init: () => ({ sum: 0 }),
            add: (all, { amount }) => {
              all.sum += amount;
              return all;
            },
          })
          .toStream(),
    ],
    [
      "the contents of a window",
      "basket",
      (stream) =>
        keyed(stream)
          .window(tumbling({ size: millis(1) }))
          .process("basket", (values) => {
            for (const value of values as Order[]) value.amount = 0;
            return values;
          }),
    ],
    [
      "the answer to an earlier question",
      "ask",
      (stream) =>
        keyed(stream).mapAsync("ask", async (value) => {
          await Promise.resolve();
          value.amount = 2;
          return value;
        }),
    ],
  ];

const keyed = (stream: Stream<Order, string | null>): KeyedStream<Order, string> => stream.keyBy(({ item }) => item);

const program = (steps: (stream: Stream<Order, string | null>) => Stream<unknown, any>) =>
  topology("careless", ({ from }) => void steps(from(orders, { timestamp: ({ amount }) => amount })).to(out));

const twoOrders = async (): Promise<BadInput> => {
  const world = await BadInput.open({ orders: 1, out: 2 });
  await world.write("orders", { key: utf8("k"), value: order("a") }, { key: utf8("k"), value: order("a", 120_000) });
  return world;
};

describe("a function that changes in place", () => {
  for (const [what, step, steps] of careless) {
    it(`(${what}) throws there where values are frozen, and the error says what to do`, async () => {
      const world = await twoOrders();
      const error = (await world.failure(program(steps), { freezeValues: true })) as StepError;
      expect(error).toMatchObject({ name: "StepError", code: "STEP_FAILED", step });
      expect(error.message).toMatch(advice);
      // The stack of the mistake itself is kept.
      const { cause } = error.cause as TypeError;
      expect(String((cause as Error).stack)).toContain("changes_in_place");
      if (error.topic !== undefined) expect((await world.position("careless", error.topic)) ?? 0).toBeLessThanOrEqual(error.offset!);
    });

    it(`(${what}) is not looked for in a run that does not ask for it`, async () => {
      const world = await twoOrders();
      const app = await world.run(program(steps));
      expect(await world.position("careless", "orders")).toBe(2);
      expect(app.state).toBe("running");
      await world.close();
    });
  }

  it("is for the step's policy to decide, and what it had done is taken back", async () => {
    const world = await BadInput.open({ orders: 1, out: 1 });
    await world.write(
      "orders",
      { key: null, value: order("good") },
      { key: null, value: order("bad") },
      { key: null, value: order("last") },
    );
    const picky = topology("picky", ({ from }) => {
      from(orders)
        .map((value) => {
          if (value.item === "bad") value.amount = 9;
          return value.item;
        })
        .with({ name: "picky", onError: skip() })
        .to(out);
    });
    const app = await world.run(picky, { freezeValues: true });
    expect((await world.texts("out")).map(({ value }) => value)).toEqual(['"good"', '"last"']);
    expect(counted(app, "skipped_records")).toBe(1);
    await world.close();
  });

  it("throws in a timestamp function, where a key is chosen, where a partition is, and in a sink", async () => {
    const spoilt = (value: Order): Order => {
      value.amount = 9;
      return value;
    };
    const timestamps = topology("timestamps", ({ from }) => void from(orders, { timestamp: (value) => spoilt(value).amount }).to(out));
    const keys = topology(
      "keys",
      ({ from }) =>
        void from(orders)
          .keyBy((value) => spoilt(value).item)
          .count("n")
          .to(out),
    );
    const partitions = topology(
      "partitions",
      ({ from }) => void from(orders).to(out, { partition: (value) => spoilt(value as Order).amount }),
    );
    const outside = topology("outside", ({ from }) => {
      from(orders).to(sink<Order>("elsewhere", { write: async ([record]) => void spoilt(record!.value) }));
    });
    for (const [program, code] of [
      [timestamps, "BAD_TIMESTAMP"],
      [keys, "STEP_FAILED"],
      [partitions, "STEP_FAILED"],
      [outside, "TASK_TIMEOUT"],
    ] as const) {
      const world = await twoOrders();
      const error = await world.failure(program, { freezeValues: true, taskTimeout: minutes(1) });
      expect([error.code, error.message]).toEqual([code, expect.stringMatching(advice)]);
    }
  });

  it("cannot do so by accident in the test driver, the harness and a simulation, unless they are told otherwise", async () => {
    const spoilt = topology("spoilt", ({ from }) => {
      from(orders)
        .map((value) => {
          value.amount++;
          return value;
        })
        .with({ name: "spoil", onError: fail({ attempts: 1 }) })
        .to(out);
    });
    const piped = (freezeValues?: false) =>
      testDriver(spoilt, freezeValues === undefined ? {} : { freezeValues })
        .createInputTopic(orders)
        .pipeInput({ item: "a", amount: 1, tags: [] });
    expect(() => piped()).toThrow(advice);
    expect(() => piped(false)).not.toThrow();

    const byHand = (freezeValues?: false) => {
      const test = harness(
        { orders: input<Order>() },
        ({ orders }) => ({ out: orders.peek((value) => void value.amount++) }),
        freezeValues === undefined ? {} : { freezeValues },
      );
      test.element("orders", { item: "a", amount: 1, tags: [] });
      return test.read("out");
    };
    expect(() => byHand()).toThrow(advice);
    expect(byHand(false)).toHaveLength(1);

    const simulated = (freezeValues?: false) =>
      simulate(spoilt, {
        seed: 1,
        input: [feed(orders, [{ key: "k", value: { item: "a", amount: 1, tags: [] } }])],
        faults: {},
        ...(freezeValues === undefined ? {} : { run: { freezeValues } }),
      });
    expect((await simulated()).violations.join()).toMatch(advice);
    // What is done once more in one go starts from what the first go has changed.
    expect((await simulated(false)).violations.join()).toContain("lacks 1 of 1 records");
  });
});
