import { describe, expect, it } from "@jest/globals";
import { text } from "../../core/serde/text.ts";
import { keyValueStore } from "../../core/state/stores/key_value_store.ts";
import { sink } from "../../topology/sink.ts";
import { topic } from "../../topology/topic.ts";
import { type Topology, topology } from "../../topology/topology.ts";
import { type ViewedNode, viewTopology } from "./kafka_streams_text.ts";
import { programs } from "./programs/programs.ts";

// What Kafka Streams 4.1.0 has printed, but for the name of a lambda's class: a stream joined with a table and a global table, and written to a topic per record; then a pattern, stores that are shared, and branches.
const joins = `Topologies:
   Sub-topology: 0
    Source: KSTREAM-SOURCE-0000000006 (topics: [a])
      --> KSTREAM-LEFTJOIN-0000000007
    Processor: KSTREAM-LEFTJOIN-0000000007 (stores: [b-STATE-STORE-0000000000])
      --> KSTREAM-LEFTJOIN-0000000008
      <-- KSTREAM-SOURCE-0000000006
    Processor: KSTREAM-LEFTJOIN-0000000008 (stores: [])
      --> KSTREAM-SINK-0000000009
      <-- KSTREAM-LEFTJOIN-0000000007
    Source: KSTREAM-SOURCE-0000000001 (topics: [b])
      --> KTABLE-SOURCE-0000000002
    Sink: KSTREAM-SINK-0000000009 (extractor class: Shop$$Lambda)
      <-- KSTREAM-LEFTJOIN-0000000008
    Processor: KTABLE-SOURCE-0000000002 (stores: [b-STATE-STORE-0000000000])
      --> none
      <-- KSTREAM-SOURCE-0000000001

  Sub-topology: 1 for global store (will not generate tasks)
    Source: KSTREAM-SOURCE-0000000004 (topics: [g])
      --> KTABLE-SOURCE-0000000005
    Processor: KTABLE-SOURCE-0000000005 (stores: [g-STATE-STORE-0000000003])
      --> none
      <-- KSTREAM-SOURCE-0000000004

`;
const stores = `Topologies:
   Sub-topology: 0
    Source: KSTREAM-SOURCE-0000000002 (topics: [x, y])
      --> other
    Processor: other (stores: [s2])
      --> KSTREAM-BRANCH-0000000003
      <-- KSTREAM-SOURCE-0000000002
    Processor: KSTREAM-BRANCH-0000000003 (stores: [])
      --> KSTREAM-BRANCH-00000000030, KSTREAM-BRANCH-00000000031
      <-- other
    Source: KSTREAM-SOURCE-0000000000 (topics: ^a-.*)
      --> two
    Processor: KSTREAM-BRANCH-00000000030 (stores: [])
      --> KSTREAM-SINK-0000000007
      <-- KSTREAM-BRANCH-0000000003
    Processor: KSTREAM-BRANCH-00000000031 (stores: [])
      --> KSTREAM-PRINTER-0000000005
      <-- KSTREAM-BRANCH-0000000003
    Processor: two (stores: [s1, s2])
      --> KSTREAM-SINK-0000000001
      <-- KSTREAM-SOURCE-0000000000
    Processor: KSTREAM-PRINTER-0000000005 (stores: [])
      --> none
      <-- KSTREAM-BRANCH-00000000031
    Sink: KSTREAM-SINK-0000000001 (topic: out)
      <-- two
    Sink: KSTREAM-SINK-0000000007 (topic: rest)
      <-- KSTREAM-BRANCH-00000000030

`;

const written = (name: string) => topic(name, { key: text, value: text });

/** Every arrow, by topics and steps: "0 topic a > step". */
const arrows = (parts: readonly ReadonlyMap<string, ViewedNode>[]): readonly string[] =>
  parts.flatMap((nodes, part) => {
    const shown = (name: string): string => {
      const { kind, holds } = nodes.get(name)!;
      return kind === "Processor" ? name : `topic ${holds}`;
    };
    return [...nodes].flatMap(([name, { next }]) => next.map((to) => `${part} ${shown(name)} > ${shown(to)}`));
  });

/** The same as the plan has them. */
const planned = (program: Topology): readonly string[] => {
  const all = program.plan().subtopologies.flatMap(({ id, nodes, inputs, sink }) => {
    const between = nodes.flatMap(({ step, inputs: ports, output }) =>
      ports.flat().map((edge) => {
        const from = "input" in edge ? inputs[edge.input]!.topic : undefined;
        const start =
          from === undefined ? nodes[(edge as { node: number }).node]!.step : `topic ${from.pattern?.expression.source ?? from.name}`;
        return `${id} ${start} > ${output === undefined ? step : `topic ${output.topic.name}`}`;
      }),
    );
    return [...between, ...(sink === undefined ? [] : inputs.map(({ topic }) => `${id} topic ${topic.name} > ${sink.name}`))];
  });
  return [...new Set(all)].toSorted();
};

describe("a topology as Kafka Streams prints it", () => {
  it("is read by what reads the text of Kafka Streams", () => {
    expect(arrows(viewTopology(joins))).toEqual([
      "0 topic a > KSTREAM-LEFTJOIN-0000000007",
      "0 KSTREAM-LEFTJOIN-0000000007 > KSTREAM-LEFTJOIN-0000000008",
      "0 KSTREAM-LEFTJOIN-0000000008 > topic Shop$$Lambda",
      "0 topic b > KTABLE-SOURCE-0000000002",
      "1 topic g > KTABLE-SOURCE-0000000005",
    ]);
    const [nodes] = viewTopology(stores);
    expect([...nodes!].flatMap(([name, { kind, holds }]) => (kind === "Processor" && holds.length > 0 ? [[name, ...holds]] : []))).toEqual([
      ["other", "s2"],
      ["two", "s1", "s2"],
    ]);
    expect([...nodes!.values()].flatMap(({ kind, holds }) => (kind === "Processor" ? [] : holds))).toEqual([
      "x",
      "y",
      "^a-.*",
      "out",
      "rest",
    ]);
    expect(() => viewTopology(stores.replace("Processor: two", "Store: two"))).toThrow("Kafka Streams prints no such line");
  });

  it("has every arrow of the plan and no other, both ways, whatever the program", () => {
    expect(programs.length).toBeGreaterThan(10);
    for (const program of programs) {
      const parts = viewTopology(program.describe("kafka-streams"));
      expect({ program: program.name, arrows: [...new Set(arrows(parts))].toSorted() }).toEqual({
        program: program.name,
        arrows: planned(program),
      });
      for (const nodes of parts)
        for (const [name, { next, before, kind }] of nodes) {
          for (const to of next) expect(nodes.get(to)!.before).toContain(name);
          for (const from of before) expect(nodes.get(from)!.next).toContain(name);
          if (kind === "Source") expect(before).toEqual([]);
          if (kind === "Sink") expect(next).toEqual([]);
        }
    }
  });

  it("names stores where they are used: a joined table, a store that steps share", () => {
    const [one, two] = ["s1", "s2"].map((name) => keyValueStore(name, { key: text, value: text }));
    const program = topology("shop", ({ from, table }) => {
      from(written("a"))
        .keyBy()
        .leftJoin("joined", table(written("b")), (left, right) => `${left}${right}`)
        .process("both", { state: { one: one!, two: two! }, onRecord: (value) => [value] })
        .to(sink<string>("shelf", { async write() {} }));
      from(written("c"))
        .keyBy()
        .process("one", { state: { two: two! }, onRecord: (value) => [value] })
        .print();
    });
    const [first, second] = viewTopology(program.describe("kafka-streams"));
    // A table that is called after its topic is not taken for it.
    expect([...first!].map(([name, { holds, before }]) => [name, holds, before])).toEqual([
      ["a-source", ["a"], []],
      ["b-source", ["b"], []],
      ["c-source", ["c"], []],
      ["b", ["b"], ["b-source"]],
      ["joined", ["b"], ["a-source"]],
      ["both", ["s1", "s2"], ["joined"]],
      ["one", ["s2"], ["c-source"]],
      ["print-1", [], ["one"]],
      ["to-shelf", ["shelf-sink"], ["both"]],
    ]);
    expect([...second!.keys()]).toEqual(["shelf-sink-source", "shelf"]);
    const drawn = program.describe("mermaid");
    const idOf = (step: string): string => new RegExp(`(s0_\\d+)\\S*"${step}<br/>`).exec(drawn)![1]!;
    for (const [from, to] of [
      ["b", "joined"],
      ["s1", "both"],
      ["s2", "both"],
      ["s2", "one"],
    ] as const)
      expect(drawn).toContain(`  ${idOf(from)} -.- ${idOf(to)}\n`);
    expect(drawn).not.toContain(`${idOf("b")} --> ${idOf("b")}`);
    expect(program.describe()).toMatch(/^ {2}table {5}b +from topic b; keeps state$/m);
  });
});
