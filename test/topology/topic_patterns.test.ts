import { describe, expect, it } from "@jest/globals";
import { deadLetter } from "../../core/error_policy.ts";
import { TopologyError } from "../../core/errors.ts";
import { integer } from "../../core/serde/numbers.ts";
import { text } from "../../core/serde/text.ts";
import { feed } from "../../topology/testing/feed.ts";
import { simulate } from "../../topology/testing/simulate.ts";
import { testDriver } from "../../topology/testing/test_driver.ts";
import { topic } from "../../topology/topic.ts";
import { topics } from "../../topology/topics.ts";
import { type Topology, topology } from "../../topology/topology.ts";
import { topologyDiff } from "../../topology/topology_diff.ts";

const orders = topics(/^orders-[a-z]{2}$/, { key: text, value: integer });
const [eu, us] = ["orders-eu", "orders-us"].map((name) => topic(name, { key: text, value: integer })) as [
  ReturnType<typeof topic<string, number>>,
  ReturnType<typeof topic<string, number>>,
];
const totals = topic("totals", { key: text, value: integer });
const summing = topology("summing", ({ from }) => {
  from(orders)
    .keyBy()
    .aggregate("sum", { init: () => 0, add: (sum, n) => sum + n })
    .to(totals);
});

const fault = (build: () => Topology): TopologyError => {
  try {
    build();
  } catch (error) {
    if (error instanceof TopologyError) return error;
    throw error;
  }
  throw new Error("The topology was taken although it should have been refused");
};

describe("a pattern of topics", () => {
  it("is shown as one source, as it was written", () => {
    expect(summing.describe()).toContain("reads      /^orders-[a-z]{2}$/  all topics that match, watermarks");
    expect(summing.describe("kafka-streams")).toContain("Source: _orders-_a-z_2_-source (topics: ^orders-[a-z]{2}$)\n      --> sum\n");
    expect(JSON.parse(summing.describe("json")).subtopologies[0].inputs).toEqual([
      expect.objectContaining({ step: "from-orders-_a-z_2", topic: "/^orders-[a-z]{2}$/", pattern: "^orders-[a-z]{2}$" }),
    ]);
    expect(summing.describe("mermaid")).toContain('[/"/^orders-[a-z]{2}$/"/]');
  });

  it("is what state stands for, and not the topics that match today", () => {
    const narrower = topology("summing", ({ from }) => {
      from(topics(/^orders-eu$/, { key: text, value: integer }))
        .keyBy()
        .aggregate("sum", { init: () => 0, add: (sum, n) => sum + n })
        .to(totals);
    });
    expect(topologyDiff(summing, summing).verdict).toBe("safe");
    expect(topologyDiff(summing, narrower).changes.map(({ why }) => why)).toEqual([
      expect.stringContaining("'reads from' was /^orders-[a-z]{2}$/, and is now /^orders-eu$/"),
    ]);
  });

  it("remembers nothing from one name to the next, whatever its flags", () => {
    const { pattern, name } = topics(/orders/giy, { value: text });
    expect([pattern.expression.test("ORDERS-eu"), pattern.expression.test("ORDERS-eu"), name]).toEqual([true, true, "/orders/i"]);
  });

  it("is refused together with a topic that it matches and that is read by its name", () => {
    const error = fault(() =>
      topology("twice", ({ from }) => {
        from(eu).union(from(orders)).to(totals);
      }),
    );
    expect(error.code).toBe("TOPOLOGY_INVALID");
    expect(error.message).toContain(
      "the pattern /^orders-[a-z]{2}$/ also matches topic 'orders-eu', which step 'from-orders-eu' reads by its name",
    );
  });

  it("is refused together with a topic that it matches and that is written, be it with dead letters", () => {
    const writing = fault(() => topology("circle", ({ from }) => void from(orders).to(us)));
    expect(writing.message).toContain("also matches topic 'orders-us', which step 'to-orders-us' writes");
    const parking = fault(() => topology("circle", ({ from }) => void from(orders, { onError: deadLetter("orders-xx") }).to(totals)));
    expect(parking.message).toContain("also matches topic 'orders-xx'");
  });

  it("is refused where it is no regular expression, and with an option that does not exist", () => {
    expect(() => topics("orders" as unknown as RegExp, { value: text })).toThrow("Cannot read topics by 'orders'");
    expect(() => topics(/orders/, { value: text, whenMissing: "create" as "wait" })).toThrow(`whenMissing of topics /orders/ is 'create'`);
    // @ts-expect-error nothing can be written to a pattern
    expect(() => topology("writing", ({ from }) => void from(eu).to(orders))).toThrow();
  });

  it("takes in topics in the test driver as they are written", () => {
    const driver = testDriver(summing);
    const read = driver.createOutputTopic(totals);
    const first = driver.createInputTopic(eu);
    first.pipeInput(1, { key: "a" });
    const second = driver.createInputTopic(us);
    second.pipeInput(2, { key: "a" });
    first.pipeInput(4, { key: "a" });
    expect(read.readValues()).toEqual([1, 3, 7]);
    expect(() => driver.createInputTopic(topic("orders-asia", { key: text, value: integer }))).toThrow("does not read topic 'orders-asia'");
  });

  it("stands for the topics that are fed in a simulation", async () => {
    const records = Array.from({ length: 30 }, (_, i) => ({ key: `k${i % 3}`, value: i }));
    const report = await simulate(summing, { seed: 11, input: [feed(eu, records), feed(us, records)] });
    expect(report.violations).toEqual([]);
    expect(report.read(totals)).toHaveLength(60);
    await expect(simulate(summing, { seed: 11, input: [] })).rejects.toThrow("has no topic that matches /^orders-[a-z]{2}$/");
  });
});
