import { type StatefulPart, statefulParts } from "../../core/runtime/fingerprint.ts";
import type { Edge, InputPlan, NodePlan, OutputPlan, Plan, SubtopologyPlan } from "../../core/runtime/plan.ts";
import { mainOutput } from "../../core/runtime/plan.ts";

/** A plan as plain data: what `describe("json")` gives. */
export interface TopologyDescription {
  readonly name: string;
  readonly subtopologies: readonly SubtopologyDescription[];
  readonly internalTopics: readonly InternalTopicDescription[];
  /** What outlives a run: what another version of the program has to find as it is. */
  readonly keeps: readonly StatefulPart[];
}

export interface SubtopologyDescription {
  readonly id: number;
  readonly inputs: readonly InputDescription[];
  readonly steps: readonly StepDescription[];
  readonly outputs: readonly OutputDescription[];
  /** Inputs that must have equally many partitions, and the step that asks for it. */
  readonly copartitioned: readonly { readonly step: string; readonly topics: readonly string[] }[];
  /** The system outside that the records are handed to. */
  readonly sink?: string;
}

export interface InputDescription {
  readonly step: string;
  readonly topic: string;
  /** Present: all topics are read in whose names this expression finds itself. */
  readonly pattern?: string;
  readonly kind: InputPlan["kind"];
  readonly table: boolean;
  readonly watermarks?: string;
}

export interface StepDescription {
  readonly step: string;
  readonly kind: string;
  readonly parameters: NodePlan["parameters"];
  /** Where each input port's records come from: topics, steps, or `step.output` for a side output. A topic that could be taken for one of these is called `topic name`. */
  readonly from: readonly (readonly string[])[];
  readonly store?: string;
  /** The steps whose stores it looks into or writes beside its own. */
  readonly uses?: readonly string[];
}

export interface OutputDescription {
  readonly step: string;
  readonly topic: string;
  readonly internal: boolean;
  readonly from: readonly string[];
  /** How the partition is chosen. */
  readonly by: string;
}

export interface InternalTopicDescription {
  readonly name: string;
  readonly kind: string;
  /** Absent: as many as the inputs ask for. */
  readonly partitions?: number;
}

export const descriptionOf = (plan: Plan): TopologyDescription => ({
  name: plan.name,
  subtopologies: plan.subtopologies.map(subtopologyOf),
  internalTopics: plan.topics.map(({ name, kind, partitions }) => ({
    name,
    kind,
    ...(typeof partitions === "number" ? { partitions } : {}),
  })),
  keeps: statefulParts(plan),
});

const subtopologyOf = (plan: SubtopologyPlan): SubtopologyDescription => {
  const { id, inputs, nodes, copartitioned, sink } = plan;
  const from = (edges: readonly Edge[]): readonly string[] => edges.map((edge) => originOf(plan, edge));
  return {
    id,
    inputs: inputs.map(({ step, topic, kind, table, time }) => ({
      step,
      topic: topic.name,
      ...(topic.pattern === undefined ? {} : { pattern: topic.pattern.expression.source }),
      kind,
      table,
      ...(time === undefined || kind === "retry" ? {} : { watermarks: time.watermarks.name }),
    })),
    steps: nodes.flatMap((node): readonly StepDescription[] =>
      node.output === undefined
        ? [
            {
              step: node.step,
              kind: node.kind,
              parameters: node.parameters,
              from: node.inputs.map(from),
              ...(node.store === undefined ? {} : { store: node.store.name }),
              ...(node.uses === undefined ? {} : { uses: node.uses }),
            },
          ]
        : [],
    ),
    outputs: nodes.flatMap(({ step, inputs: ports, output }): readonly OutputDescription[] =>
      output === undefined
        ? []
        : [{ step, topic: output.topic.name, internal: output.topic.internal, from: from(ports.flat()), by: choiceOf(output) }],
    ),
    copartitioned: copartitioned.map(({ step, inputs: places }) => ({ step, topics: places.map((place) => inputs[place]!.topic.name) })),
    ...(sink === undefined ? {} : { sink: sink.name }),
  };
};

/** What a name in `from` stands for. */
export const originIn = (
  { inputs, steps }: SubtopologyDescription,
  from: string,
): { readonly topic: string } | { readonly step: string; readonly output?: string } => {
  if (from.startsWith(asTopic)) return { topic: from.slice(asTopic.length) };
  if (steps.some(({ step }) => step === from)) return { step: from };
  if (inputs.some(({ topic }) => topic === from)) return { topic: from };
  const dot = from.lastIndexOf(".");
  return { step: from.slice(0, dot), output: from.slice(dot + 1) };
};

// No name has a space in it.
const asTopic = "topic ";

const originOf = ({ inputs, nodes }: SubtopologyPlan, edge: Edge): string => {
  if ("input" in edge) {
    const { name } = inputs[edge.input]!.topic;
    return nodes.some(({ step }) => step === name || name.startsWith(`${step}.`)) ? `${asTopic}${name}` : name;
  }
  const { step } = nodes[edge.node]!;
  return edge.output === mainOutput ? step : `${step}.${edge.output}`;
};

const choiceOf = ({ partition, rekey }: OutputPlan): string => {
  if (typeof partition === "function") return "function";
  return partition === "key" && rekey !== undefined ? "new key" : partition;
};
