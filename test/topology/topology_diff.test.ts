import { describe, expect, it } from "@jest/globals";
import { minutes } from "../../core/duration.ts";
import { text } from "../../core/serde/text.ts";
import { tumbling } from "../../core/window/tumbling.ts";
import type { Stream } from "../../topology/stream.ts";
import { topic } from "../../topology/topic.ts";
import { topology } from "../../topology/topology.ts";
import { topologyDiff } from "../../topology/topology_diff.ts";

const words = topic("words", { key: text, value: text });
const program = (build: (stream: Stream<string, string | null>) => void) => topology("words", ({ from }) => build(from(words)));

const counted = program((stream) => stream.keyBy().count("count").toStream().print());

describe("two versions of a program", () => {
  it("differ in nothing when only steps without state have changed", () => {
    const after = program((stream) =>
      stream
        .filter((word) => word !== "")
        .keyBy()
        .count("count")
        .toStream()
        .print("counted"),
    );
    expect(topologyDiff(counted, after)).toEqual({ verdict: "safe", changes: [] });
  });

  it("are safe when one keeps more", () => {
    const after = program((stream) => {
      stream.keyBy().count("count").toStream().print();
      stream
        .keyBy((word) => word)
        .count("words")
        .toStream()
        .print();
    });
    const { verdict, changes } = topologyDiff(counted, after);
    expect(verdict).toBe("safe");
    expect(changes.map(({ kind, name, verdict: each }) => [kind, name, each])).toEqual([
      ["store", "words", "safe"],
      ["topic", "words-repartition", "safe"],
    ]);
  });

  it("need a migration when something is gone, or a topic is of another width", () => {
    expect(
      topologyDiff(
        counted,
        program((stream) => stream.print()),
      ),
    ).toMatchObject({
      verdict: "needs migration",
      changes: [{ kind: "store", name: "count", verdict: "needs migration" }],
    });
    const wide = (partitions: number) => program((stream) => stream.repartition("spread", { partitions }).print());
    expect(topologyDiff(wide(2), wide(3))).toMatchObject({
      verdict: "needs migration",
      changes: [{ kind: "topic", name: "spread-repartition", verdict: "needs migration" }],
    });
  });

  it("need a reset when a step keeps something else under its name", () => {
    const windowed = program((stream) =>
      stream
        .keyBy()
        .window(tumbling({ size: minutes(1) }))
        .count("count")
        .print(),
    );
    const { verdict, changes } = topologyDiff(counted, windowed);
    expect([verdict, changes.length]).toEqual(["needs reset", 1]);
    expect(changes[0]!.why).toContain("The store of step 'count' has changed");
  });

  it("may be given as they described themselves, and as nothing else", () => {
    expect(topologyDiff(counted.describe("json"), counted).verdict).toBe("safe");
    expect(() => topologyDiff("{", counted)).toThrow("it is no JSON");
    expect(() => topologyDiff("{}", counted)).toThrow("it does not say what the topology keeps");
  });
});

describe("a topology", () => {
  it("describes itself as Kafka Streams does", () => {
    const shuffled = program((stream) => {
      const { long, rest } = stream.split({ long: (word) => word.length > 3 });
      long
        .keyBy((word) => word)
        .count("count")
        .toStream()
        .print();
      rest.to(topic("short", { key: text, value: text }));
    });
    expect(shuffled.describe("kafka-streams")).toBe(`Topologies:
   Sub-topology: 0
    Source: words-source (topics: [words])
      --> split-1
    Processor: split-1 (stores: [])
      --> to-count-repartition, to-short
      <-- words-source
    Sink: to-count-repartition (topic: count-repartition)
      <-- split-1
    Sink: to-short (topic: short)
      <-- split-1

   Sub-topology: 1
    Source: count-repartition-source (topics: [count-repartition])
      --> count
    Processor: count (stores: [count])
      --> print-1
      <-- count-repartition-source
    Processor: print-1 (stores: [])
      --> none
      <-- count
`);
  });
});
