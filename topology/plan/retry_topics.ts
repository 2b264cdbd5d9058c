import { policiesIn } from "../../core/error_policy.ts";
import type { InputPlan, InternalTopicPlan, SubtopologyPlan, TopicRef } from "../../core/runtime/plan.ts";

/**
 * Gives each input of a sub-topology whose policies put records off the topics from which these are read again, one for each time that a record may be put off; and what keeps track of them a store. Records that were put off equally often mostly wait equally long, so in a
 * topic of their own none that is due stands behind one that is not.
 * @param addTopic notes an internal topic, which is called after the step
 */
export const withRetryTopics = (plan: SubtopologyPlan, addTopic: (topic: InternalTopicPlan, step: string) => TopicRef): SubtopologyPlan => {
  if (plan.sink !== undefined) return plan;
  const steps = plan.nodes.flatMap(({ onError }) => policiesIn(onError));
  const inputs: InputPlan[] = [...plan.inputs];
  plan.inputs.forEach((input, index) => {
    const letters = [...policiesIn(input.onError), ...steps].flatMap((policy) => (policy.kind === "dead-letter" ? [policy] : []));
    const times = Math.max(0, ...letters.map(({ retryAfter }) => retryAfter.length));
    if (times === 0 && !letters.some(({ parkKey }) => parkKey)) return;
    const retries = Array.from({ length: times }, (_, before) => {
      const topic = addTopic({ name: `${input.step}-retry-${before + 1}`, kind: "retry", partitions: "tasks" }, input.step);
      const { records: _records, time, ...read } = input;
      return (
        inputs.push({
          ...read,
          topic,
          kind: "retry",
          // It says when a record is from, but nothing of how far time has come.
          time: time === undefined ? undefined : { ...time, idlenessMs: undefined, advanceWhenIdle: false, alignment: undefined },
          startAt: "earliest",
          endAt: undefined,
          checkPartitioning: false,
          retryOf: index,
        }) - 1
      );
    });
    inputs[index] = { ...input, putOff: { store: `${input.step}-put-off`, retries } };
  });
  return { ...plan, inputs };
};
