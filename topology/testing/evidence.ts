import type { ErrorPolicy, Policy } from "../../core/error_policy.ts";
import { partitionId } from "../../core/ports/log.ts";
import type { TopicNames } from "../../core/runtime/application.ts";
import type { InputPlan, Plan, SubtopologyPlan } from "../../core/runtime/plan.ts";
import type { LogRecord } from "./log_reading.ts";
import { bytesText, recordText } from "./record_text.ts";
import type { Written } from "./replay.ts";
import type { World } from "./world.ts";

// What a run has left behind to be judged by, in a form that can be compared.

/** Topics that are no input of the application itself: what stands in them is for others. */
export const outputsOf = (plan: Plan, names: TopicNames): ReadonlySet<string> => {
  const topics = new Set<string>();
  for (const { nodes, inputs } of plan.subtopologies) {
    for (const { output, onError } of nodes) {
      if (output !== undefined && !output.topic.internal) topics.add(names.of(output.topic));
      for (const topic of deadLetterTopics(onError)) topics.add(topic);
    }
    for (const { onError } of inputs) for (const topic of deadLetterTopics(onError)) topics.add(topic);
  }
  return topics;
};

/** The policies that a policy comes to, one after the other; none can be known of a function. */
export const policiesOf = (policy: ErrorPolicy): readonly Policy[] =>
  typeof policy === "function" ? [] : policy.kind === "retry" ? [policy, ...policiesOf(policy.then)] : [policy];

const deadLetterTopics = (policy: ErrorPolicy): readonly string[] =>
  policiesOf(policy).flatMap((one) => (one.kind === "dead-letter" ? [one.topic] : []));

const decoder = new TextDecoder();

/** Undefined for a record that is no dead letter. */
export const deadLetterOrigin = ({ headers }: LogRecord): string | undefined => {
  const of = (name: string): string | undefined => {
    const value = headers.findLast(([header]) => header === name)?.[1];
    return value == null ? undefined : decoder.decode(value);
  };
  const topic = of("millrace.error.topic");
  return topic === undefined ? undefined : `${partitionId(topic, Number(of("millrace.error.partition")))} ${of("millrace.error.offset")}`;
};

/** A record that is there, or has to be. */
export interface ShownRecord {
  /** -1 where it is not known beforehand. */
  readonly partition: number;
  readonly key: string;
  readonly value: string;
  /** -1 where it is not known beforehand. */
  readonly timestamp: number;
}

export const shown = ({ partition, key, value, timestamp }: Omit<Written, "topic">): ShownRecord => ({
  partition,
  key: bytesText(key),
  value: bytesText(value),
  timestamp,
});

/** What the tasks of a sub-topology have taken from one of its inputs, in their order. */
export const handled = (world: World, { id, inputs }: SubtopologyPlan, index: number): readonly ShownRecord[] =>
  [...world.history.committed]
    .filter(([task]) => task.startsWith(`${id}_`))
    .flatMap(([, stretches]) => stretches.flatMap(({ events }) => events))
    .flatMap((event) => {
      if (event.kind !== "record" || event.input !== index) return [];
      const [key, value] = recordText(inputs[index]!, event.record.key, event.value);
      const { partition, timestamp } = event.record;
      return [{ partition, key, value, timestamp }];
    });

/** A system outside may be given things twice, but everything, and nothing else. */
export const compareOutside = (
  world: World,
  { sink }: SubtopologyPlan,
  input: InputPlan,
  expected: ReadonlyMap<string, readonly ShownRecord[]>,
): void => {
  const wanted = new Set([...expected.values()].flat().map(({ key, value }) => `${key} = ${value}`));
  const given = world.history.outside.get(sink!.name) ?? new Set();
  for (const one of wanted) if (!given.has(one)) world.violated(`I1: sink '${sink!.name}' (${input.topic.name}) was not given ${one}`);
  for (const one of given)
    if (!wanted.has(one)) world.violated(`I1: sink '${sink!.name}' (${input.topic.name}) was given ${one}, which was never committed`);
};
