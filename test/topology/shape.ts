import type { Plan } from "../../core/runtime/plan.ts";
import type { Topology } from "../../mod.ts";

/** A plan as one line per sub-topology: what it reads, its steps, what it writes. */
export const shapeOf = (topology: Topology): readonly string[] =>
  topology.plan().subtopologies.map(({ inputs, nodes, sink }) => {
    const steps = nodes.filter(({ output }) => output === undefined).map(({ step }) => step);
    const written = nodes.flatMap(({ output }) => (output === undefined ? [] : [output.topic.name]));
    return [inputs.map(({ topic }) => topic.name), steps, sink === undefined ? written : [`sink ${sink.name}`]]
      .map((part) => part.join(", "))
      .join(" -> ");
  });

export const nodeOf = (plan: Plan, step: string): Plan["subtopologies"][number]["nodes"][number] => {
  const node = plan.subtopologies.flatMap(({ nodes }) => nodes).find((each) => each.step === step);
  if (node === undefined) throw new Error(`No step '${step}' in the plan of ${plan.name}`);
  return node;
};

export const inputOf = (plan: Plan, topic: string): Plan["subtopologies"][number]["inputs"][number] => {
  const input = plan.subtopologies.flatMap(({ inputs }) => inputs).find((each) => each.topic.name === topic);
  if (input === undefined) throw new Error(`Nothing in the plan of ${plan.name} reads '${topic}'`);
  return input;
};

export const outputTo = (plan: Plan, topic: string): NonNullable<Plan["subtopologies"][number]["nodes"][number]["output"]> => {
  const output = plan.subtopologies.flatMap(({ nodes }) => nodes).find((each) => each.output?.topic.name === topic)?.output;
  if (output === undefined) throw new Error(`Nothing in the plan of ${plan.name} writes '${topic}'`);
  return output;
};
