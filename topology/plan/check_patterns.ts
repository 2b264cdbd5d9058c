import { policiesIn } from "../../core/error_policy.ts";
import { TopologyError } from "../../core/errors.ts";
import type { Plan } from "../../core/runtime/plan.ts";

/** Refuses patterns of topics that match a topic which the program reads by its name as well, or which it writes: records would come in twice, or go in a circle. */
export const checkPatterns = (plan: Plan): void => {
  const inputs = plan.subtopologies.flatMap((one) => one.inputs);
  const nodes = plan.subtopologies.flatMap((one) => one.nodes);
  const parked = [...inputs, ...nodes].flatMap(({ onError, step }) =>
    policiesIn(onError).flatMap((policy) => (policy.kind === "dead-letter" ? [{ topic: policy.topic, step }] : [])),
  );
  const written = nodes.flatMap(({ output, step }) =>
    output === undefined || output.topic.internal ? [] : [{ topic: output.topic.name, step }],
  );
  const read = inputs.flatMap(({ topic, step }) => (topic.internal || topic.pattern !== undefined ? [] : [{ topic: topic.name, step }]));
  for (const { topic, step } of inputs) {
    const { pattern } = topic;
    if (pattern === undefined) continue;
    const matched = <T extends { readonly topic: string }>(all: readonly T[]): T | undefined =>
      all.find((one) => pattern.expression.test(one.topic));
    const twice = matched(read);
    if (twice !== undefined)
      throw overlapping(
        plan,
        step,
        `the pattern ${topic.name} also matches topic '${twice.topic}', which step '${twice.step}' reads by its name: its records would come in twice, so make the pattern narrower, or read that topic by the pattern alone`,
      );
    const circle = matched([...written, ...parked]);
    if (circle !== undefined)
      throw overlapping(
        plan,
        step,
        `the pattern ${topic.name} also matches topic '${circle.topic}', which step '${circle.step}' writes: its records would come in again, so make the pattern narrower, or give that topic another name`,
      );
  }
};

const overlapping = (plan: Plan, step: string, why: string): TopologyError =>
  new TopologyError("TOPOLOGY_INVALID", `Step '${step}' of topology '${plan.name}' cannot read as it is said: ${why}`, { step });
