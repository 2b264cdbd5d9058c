import { ConfigurationError } from "../errors.ts";
import type { Log } from "../ports/log.ts";
import type { TopicNames } from "./application.ts";
import type { Edge, InputPlan, Plan, SubtopologyPlan, TopicPattern } from "./plan.ts";

/** Which topics each pattern of a plan stands for, by the pattern as text; in the order of their names. */
export type PatternTopics = ReadonlyMap<string, readonly string[]>;

/** An input that reads all topics that match. */
export type PatternInput = InputPlan & { readonly topic: { readonly pattern: TopicPattern } };

export const patternInputs = (plan: Plan): readonly PatternInput[] =>
  plan.subtopologies.flatMap(({ inputs }) => inputs.filter((input): input is PatternInput => input.topic.pattern !== undefined));

/**
 * Looks which topics there are for the patterns of a plan. What the application writes for itself is never one of them. A topic that is just being made or deleted, so that nothing is known of it but its name, is left out.
 *
 * Rejects with a ConfigurationError TOPOLOGY_INVALID when two patterns want the same topic.
 */
export const findTopics = async (log: Log, plan: Plan, names: TopicNames): Promise<PatternTopics> => {
  const patterns = patternInputs(plan);
  if (patterns.length === 0) return new Map();
  const named = (await log.admin.list()).filter((topic) => patterns.some((input) => isMatch(plan, names, input, topic)));
  const there = [...(await log.admin.describe(named)).keys()].sort();
  for (const topic of there) {
    const [one, other] = patterns.filter((input) => isMatch(plan, names, input, topic));
    if (other !== undefined)
      throw new ConfigurationError(
        "TOPOLOGY_INVALID",
        `Topic '${topic}' matches two patterns of topology '${plan.name}', ${one!.topic.name} of step '${one!.step}' and ${other.topic.name} of step '${other.step}': its records can go one way only, so make one of the patterns narrower`,
        { topic, step: other.step },
      );
  }
  return new Map(patterns.map((input) => [input.topic.name, there.filter((topic) => isMatch(plan, names, input, topic))]));
};

/** Whether an input stands for that topic. */
export const isMatch = (plan: Plan, names: TopicNames, { topic: { pattern } }: PatternInput, topic: string): boolean =>
  pattern.expression.test(topic) &&
  !names.isInternal(topic) &&
  !plan.topics.some(({ name }) => names.of({ name, internal: true }) === topic);

/** The same plan with an input for each topic in the place of one for the pattern. All of them lead where that one led, so they are one stream of one sub-topology: task i has partition i of each. */
export const withTopics = (plan: Plan, topics: PatternTopics): Plan =>
  patternInputs(plan).length === 0 ? plan : { ...plan, subtopologies: plan.subtopologies.map((one) => expanded(one, topics)) };

const expanded = (plan: SubtopologyPlan, topics: PatternTopics): SubtopologyPlan => {
  const inputs: InputPlan[] = [];
  const places = plan.inputs.map((input): readonly number[] => {
    const { pattern } = input.topic;
    const concrete =
      pattern === undefined
        ? [input]
        : topics
            .get(input.topic.name)!
            .map((name): InputPlan => ({ ...input, topic: { name, internal: false }, matches: input.topic.name }));
    return concrete.map((one) => inputs.push(one) - 1);
  });
  const moved = (input: number): number => places[input]![0]!;
  const together = plan.inputs.flatMap((input, index) =>
    // Where keys are relied on, those of all topics have to meet.
    input.topic.pattern !== undefined && input.checkPartitioning ? [{ inputs: [index], step: input.step }] : [],
  );
  return {
    ...plan,
    inputs: inputs.map((input) => ({
      ...input,
      ...(input.retryOf === undefined ? {} : { retryOf: moved(input.retryOf) }),
      ...(input.putOff === undefined ? {} : { putOff: { ...input.putOff, retries: input.putOff.retries.map(moved) } }),
    })),
    nodes: plan.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map((edges) =>
        edges.flatMap((edge): readonly Edge[] => ("input" in edge ? places[edge.input]!.map((input) => ({ input })) : [edge])),
      ),
    })),
    copartitioned: [...plan.copartitioned, ...together].map(({ inputs, step }) => ({
      inputs: inputs.flatMap((input) => places[input]!),
      step,
    })),
  };
};
