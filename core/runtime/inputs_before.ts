import type { Edge, InputPlan, SubtopologyPlan } from "./plan.ts";

/** The inputs of a sub-topology from which records come to these edges, those of the first edge first. */
export const inputsBefore = ({ nodes, inputs }: SubtopologyPlan, edges: readonly Edge[]): readonly InputPlan[] => {
  const before = new Set<InputPlan>();
  const follow = (edges: readonly Edge[]): void => {
    for (const edge of edges)
      if ("input" in edge) before.add(inputs[edge.input]!);
      else follow(nodes[edge.node]!.inputs.flat());
  };
  follow(edges);
  return [...before];
};
