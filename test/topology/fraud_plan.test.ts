import { describe, expect, it } from "@jest/globals";
import { partitionCounts } from "../../core/runtime/partition_counts.ts";
import { accounts, fraudDetection, memory, transactions } from "./programs/fraud.ts";
import { inputOf, nodeOf, outputTo, shapeOf } from "./shape.ts";

const topology = fraudDetection(memory);
const plan = topology.plan();

describe("the plan of the fraud job", () => {
  it("has four sub-topologies: by account, by card, by alert, and the sink", () => {
    expect(shapeOf(topology)).toEqual([
      "transactions, accounts -> account, filter-1, velocity -> card-test-repartition, deduplicate-repartition",
      "card-test-repartition -> card-test, map-1 -> deduplicate-repartition",
      "deduplicate-repartition -> deduplicate -> alerts, memory-sink",
      "memory-sink ->  -> sink memory",
    ]);
  });

  it("joins transactions and accounts where they are, and so needs equally many partitions of them", () => {
    expect(plan.subtopologies[0]!.copartitioned).toEqual([{ inputs: [0, 1], step: "account" }]);
    expect(inputOf(plan, "transactions")).toMatchObject({ checkPartitioning: true, table: false, key: transactions.key });
    expect(inputOf(plan, "accounts")).toMatchObject({ checkPartitioning: true, table: true, key: accounts.key });
  });

  it("keeps state in the join, both windows and the pattern, and nowhere else", () => {
    const stores = plan.subtopologies.flatMap(({ nodes }) => nodes.flatMap(({ store }) => store?.name ?? []));
    expect(stores).toEqual(["account", "velocity", "card-test", "deduplicate"]);
  });

  it("takes the new key where the record is written: payments by card, findings of either kind by alert", () => {
    const [byAccount, byCard] = plan.subtopologies;
    const rekeyed = (subtopology: typeof byAccount): readonly (readonly [string, unknown])[] =>
      subtopology!.nodes.flatMap(({ output }) =>
        output?.rekey === undefined
          ? []
          : [[output.topic.name, output.rekey({ cardId: "card-1", alertId: "velocity:account-1" }, undefined as never)] as const],
      );
    expect(rekeyed(byAccount)).toEqual([
      ["card-test-repartition", "card-1"],
      ["deduplicate-repartition", "velocity:account-1"],
    ]);
    expect(rekeyed(byCard)).toEqual([["deduplicate-repartition", "velocity:account-1"]]);
  });

  it("carries watermarks through its own topics and into the sink, and never into the user's", () => {
    for (const topic of ["card-test-repartition", "deduplicate-repartition", "memory-sink"])
      expect(outputTo(plan, topic).watermarks).toBe(true);
    expect(outputTo(plan, "alerts").watermarks).toBe(false);
  });

  it("reads event time as the program says", () => {
    const { time } = inputOf(plan, "transactions");
    expect(time).toMatchObject({ idlenessMs: 60_000, advanceWhenIdle: true, watermarks: { name: "bounded-out-of-orderness(10000)" } });
    expect(time!.timestamp!({ timestamp: 7 }, undefined as never)).toBe(7);
  });

  it("makes every internal topic as wide as the accounts are", () => {
    const { topics, tasks } = partitionCounts(
      plan,
      new Map([
        ["transactions", 4],
        ["accounts", 4],
        ["alerts", 2],
      ]),
    );
    expect(Object.fromEntries(topics)).toEqual({ "card-test-repartition": 4, "deduplicate-repartition": 4, "memory-sink": 4 });
    expect([...tasks.values()]).toEqual([4, 4, 4, 4]);
  });

  it("refuses topics of different widths and says which, and what to do", () => {
    expect(() =>
      partitionCounts(
        plan,
        new Map([
          ["transactions", 4],
          ["accounts", 6],
          ["alerts", 2],
        ]),
      ),
    ).toThrow(
      "Step 'account' brings equal keys together, but topic 'transactions' has 4 partitions and topic 'accounts' has 6 partitions: give both topics as many, or send the records of 'transactions' through a topic in between, with .repartition(name).keyBy() before the step",
    );
  });

  it("describes the parameters that tell whether state can still be read", () => {
    expect(nodeOf(plan, "velocity").parameters).toMatchObject({ windows: "sliding", size: 1_800_000, every: 300_000 });
    expect(nodeOf(plan, "card-test").parameters).toMatchObject({ skip: "past-last", within: 300_000 });
  });
});
