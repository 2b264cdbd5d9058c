import { describe, expect, it } from "@jest/globals";
import { count, json, text, topic, topology } from "../../mod.ts";
import { GraphBuilder } from "../../topology/graph/graph.ts";
import { scopeOf } from "../../topology/scope.ts";
import { fraudDetection, memory } from "./programs/fraud.ts";
import { programs } from "./programs/programs.ts";

const events = topic("events", { key: text, value: json<{ id: string }>() });

describe("the graph of a topology", () => {
  const graphOf = () => {
    const builder = new GraphBuilder("app");
    const { from } = scopeOf(builder);
    const stream = from(events);
    stream.map((event) => event.id).with({ name: "ids" });
    stream.keyBy().scan("n", count()).print();
    return builder.build();
  };

  it("is plain data, each node behind those it refers to", () => {
    const { nodes } = graphOf();
    expect(nodes.map(({ node }) => node)).toEqual(["source", "step", "settings", "key-by", "step", "step"]);
    nodes.forEach((node, id) => {
      if ("stream" in node) expect(node.stream).toBeLessThan(id);
    });
  });

  it("cannot be changed", () => {
    const graph = graphOf();
    expect(Object.isFrozen(graph)).toBe(true);
    expect(Object.isFrozen(graph.nodes)).toBe(true);
    for (const node of graph.nodes) expect(Object.isFrozen(node)).toBe(true);
  });

  it("remembers where in the program each step stands", () => {
    for (const site of graphOf().sites) expect(site).toMatch(/^topology\/graph\.test\.ts:\d+:\d+$/);
  });

  it("is not touched by what is derived from a handle: each use of a stream begins where the stream is", () => {
    const app = topology("app", ({ from }) => {
      const stream = from(events);
      stream.filter(() => false);
      stream.print("all");
    });
    const [{ nodes }] = app.plan().subtopologies as [ReturnType<typeof app.plan>["subtopologies"][number]];
    expect(nodes.map(({ step, inputs }) => [step, inputs])).toEqual([
      ["filter-1", [[{ input: 0 }]]],
      ["print-1", [[{ input: 0 }]]],
    ]);
  });
});

describe("a topology", () => {
  it("is a value: it can be planned and described any number of times", () => {
    const app = fraudDetection(memory);
    expect(app.plan()).toBe(app.plan());
    expect(Object.isFrozen(app)).toBe(true);
    expect(fraudDetection(memory).describe("json")).toBe(app.describe("json"));
  });

  it("runs its description once, when it is made", () => {
    let times = 0;
    const app = topology("app", ({ from }) => {
      times++;
      from(events).print();
    });
    app.plan();
    app.describe();
    expect(times).toBe(1);
  });

  for (const program of programs)
    it(`'${program.name}' can be planned, and described in every format`, () => {
      expect(program.plan().subtopologies.length).toBeGreaterThan(0);
      expect(program.describe()).toContain(`Topology ${program.name}\n`);
      expect(JSON.parse(program.describe("json")).name).toBe(program.name);
      expect(program.describe("mermaid")).toContain("flowchart LR");
    });
});
