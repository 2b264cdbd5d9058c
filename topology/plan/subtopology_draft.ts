import type { Edge, InputPlan, NodePlan, SinkPlan, SubtopologyPlan } from "../../core/runtime/plan.ts";
import { mainOutput } from "../../core/runtime/plan.ts";
import type { NodeId } from "../graph/graph.ts";
import { type SourcedTable, withTableSources } from "./table_sources.ts";

/** A sub-topology while it is put together. */
export class SubtopologyDraft {
  /** Where the stream of a node of the graph comes from in here. */
  readonly edges: Map<NodeId, readonly Edge[]> = new Map();
  /** The input for each internal topic. */
  readonly inputOf: Map<string, Edge> = new Map();
  readonly nodes: NodePlan[] = [];
  /** Tables without a changelog. */
  readonly sourced: SourcedTable[] = [];
  sink: SinkPlan | undefined;
  readonly #inputs: Omit<InputPlan, "checkPartitioning">[] = [];
  readonly #reliances = new Map<number, { readonly edges: readonly Edge[]; readonly tables: readonly Edge[] }>();

  read(input: Omit<InputPlan, "checkPartitioning">): Edge {
    this.#inputs.push(input);
    return { input: this.#inputs.length - 1 };
  }

  add(node: Omit<NodePlan, "id">): { readonly node: number; readonly output: string } {
    const id = this.nodes.length;
    this.nodes.push({ id, ...node });
    return { node: id, output: mainOutput };
  }

  /** A step needs equal keys of these edges, and of the tables it looks into, in one task. */
  rely(step: { readonly node: number }, edges: readonly Edge[], tables: readonly Edge[]): void {
    this.#reliances.set(step.node, { edges, tables });
  }

  freeName(name: string): string {
    const taken = (candidate: string): boolean => this.nodes.some(({ step }) => step === candidate);
    if (!taken(name)) return name;
    for (let n = 2; ; n++) if (!taken(`${name}-${n}`)) return `${name}-${n}`;
  }

  finish(id: number): SubtopologyPlan {
    const copartitioned: { inputs: readonly number[]; step: string }[] = [];
    const relied = new Set<number>();
    for (const [node, { edges, tables }] of this.#reliances) {
      const inputs = [...this.#reached([...edges, ...tables])].sort((a, b) => a - b);
      for (const input of inputs) relied.add(input);
      const said = copartitioned.some((other) => inputs.every((input) => other.inputs.includes(input)));
      if (inputs.length > 1 && !said) copartitioned.push({ inputs, step: this.nodes[node]!.step });
    }
    const inputs = this.#inputs.map(
      (input, index): InputPlan => ({ ...input, checkPartitioning: input.kind === "source" && relied.has(index) }),
    );
    return withTableSources(
      { id, inputs, nodes: this.nodes, copartitioned, ...(this.sink === undefined ? {} : { sink: this.sink }) },
      this.sourced,
    );
  }

  /** The inputs whose keys come to these edges. */
  #reached(edges: readonly Edge[]): ReadonlySet<number> {
    const inputs = new Set<number>();
    const seen = new Set<number>();
    const follow = (edge: Edge): void => {
      if ("input" in edge) inputs.add(edge.input);
      else if (!seen.has(edge.node)) {
        seen.add(edge.node);
        const relied = this.#reliances.get(edge.node);
        for (const before of relied?.edges ?? this.nodes[edge.node]!.inputs.flat()) follow(before);
      }
    };
    edges.forEach(follow);
    return inputs;
  }
}
