import type { OperatorFactory } from "../../core/operators/operator.ts";
import type { Edge, InputPlan, NodePlan, OutputPlan, Plan, SubtopologyPlan } from "../../core/runtime/plan.ts";

/**
 * All of a plan's steps in one task, in which a topic between two of them is an edge: so records and watermarks go through everything synchronously. What is written to topics of the user's, or to a system outside, goes nowhere.
 */
export const fuse = (plan: Plan): SubtopologyPlan => {
  const inputs: InputPlan[] = [];
  const nodes: NodePlan[] = [];
  /** By internal topic the steps that write it; their sub-topologies stand before the one that reads it. */
  const writers = new Map<string, Edge[]>();
  for (const subtopology of plan.subtopologies) {
    if (subtopology.sink !== undefined) continue;
    const inputEdges = subtopology.inputs.map((input): readonly Edge[] => {
      if (input.kind === "repartition") return writers.get(input.topic.name) ?? [];
      inputs.push(input);
      return [{ input: inputs.length - 1 }];
    });
    const idOf: number[] = [];
    for (const node of subtopology.nodes) {
      const fused = fusedNode(
        node,
        nodes.length,
        node.inputs.map((edges) =>
          edges.flatMap((edge): readonly Edge[] => ("input" in edge ? inputEdges[edge.input]! : [{ ...edge, node: idOf[edge.node]! }])),
        ),
      );
      if (fused === undefined) continue;
      idOf[node.id] = fused.id;
      nodes.push(fused);
      if (node.output === undefined) continue;
      const { name } = node.output.topic;
      writers.set(name, [...(writers.get(name) ?? []), { node: fused.id, output: "" }]);
    }
  }
  return { id: 0, inputs, nodes, copartitioned: [] };
};

const fusedNode = (node: NodePlan, id: number, inputs: readonly (readonly Edge[])[]): NodePlan | undefined => {
  const { output, ...step } = node;
  if (output === undefined) return { ...step, id, inputs };
  return output.topic.internal ? { ...step, id, inputs, operator: exchange(output) } : undefined;
};

/** What a record goes through on its way by a topic, without the topic. */
const exchange =
  ({ rekey, dropNullKeys }: OutputPlan): OperatorFactory =>
  ({ emit, count }) => ({
    inputs: [
      (value, record) => {
        const key = rekey === undefined ? record.key : (rekey(value, record) ?? null);
        if (key === null && dropNullKeys) count("dropped_null_key");
        else emit(value, key === record.key ? record : record.withKey(key));
      },
    ],
  });
