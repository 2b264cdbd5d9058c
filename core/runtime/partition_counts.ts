import { ConfigurationError } from "../errors.ts";
import type { InputPlan, OutputPlan, Plan, SubtopologyPlan } from "./plan.ts";
import { writersOf } from "./writers_of.ts";

/** How wide everything is that the program does not say itself. */
export interface PartitionCounts {
  /** Partitions of the internal topics, by their name in the plan. */
  readonly topics: ReadonlyMap<string, number>;
  /** Tasks of each sub-topology, by its id. */
  readonly tasks: ReadonlyMap<number, number>;
}

/**
 * Follows the partitions of the user's topics through the plan. An internal topic is as wide as the widest input of those that write it, unless the plan says a number, or a step needs it to be as wide as another input.
 *
 * Throws ConfigurationError: TOPIC_MISSING for a topic without a count, PARTITIONS_DIFFER where inputs have to be equally wide and are not, or where the program says another number than the topic has.
 * @param userTopics partitions of every topic that the plan reads or writes and that is not its own
 * @param existing partitions of the internal topics that are there already, by their name in the plan: one that may be of any width stays as wide as it is
 */
export const partitionCounts = (
  plan: Plan,
  userTopics: ReadonlyMap<string, number>,
  existing: ReadonlyMap<string, number> = new Map(),
): PartitionCounts => {
  for (const { subtopology, input, output, step } of places(plan)) {
    const topic = (input ?? output)!.topic;
    if (topic.internal) continue;
    const count = userTopics.get(topic.name);
    if (count === undefined)
      throw new ConfigurationError(
        "TOPIC_MISSING",
        `Topic '${topic.name}', which step '${step}' of topology '${plan.name}' ${input === undefined ? "writes" : "reads"}, does not exist: create it, or check its name`,
        { topic: topic.name, step },
      );
    if (topic.declared?.partitions !== undefined && topic.declared.partitions !== count)
      throw new ConfigurationError(
        "PARTITIONS_DIFFER",
        `Topic '${topic.name}' has ${partitionsOf(count)}, and the program says ${topic.declared.partitions} (sub-topology ${subtopology.id}, step '${step}'): correct the program, or give the topic as many`,
        { topic: topic.name, step },
      );
  }
  const counts = new Map<string, number>();
  for (const { name, partitions } of plan.topics) if (typeof partitions === "number") counts.set(name, partitions);
  const countOf = ({ name, internal }: { readonly name: string; readonly internal: boolean }): number | undefined =>
    (internal ? counts : userTopics).get(name);
  const tasks = new Map<number, number>();
  // Writers stand before readers, so what a reader needs of them is known.
  for (const subtopology of plan.subtopologies) {
    const open = (input: InputPlan): boolean => countOf(input.topic) === undefined;
    const follows = (input: InputPlan): boolean =>
      open(input) && plan.topics.some(({ name, partitions }) => name === input.topic.name && partitions === "tasks");
    const ownWidth = ({ topic }: InputPlan): number => existing.get(topic.name) ?? widestWriter(plan, topic.name, tasks);
    for (const { inputs, step } of groups(subtopology)) {
      const together = inputs.map((input) => subtopology.inputs[input]!).filter((input) => !follows(input));
      const [known, ...others] = together.filter((input) => !open(input));
      const differing = others.find((input) => countOf(input.topic) !== countOf(known!.topic));
      if (differing !== undefined) throw partitionsDiffer(step, [known!, differing], countOf);
      const width = known === undefined ? Math.max(...together.map(ownWidth)) : countOf(known.topic)!;
      for (const input of together) if (open(input)) counts.set(input.topic.name, width);
    }
    for (const input of subtopology.inputs) if (open(input) && !follows(input)) counts.set(input.topic.name, ownWidth(input));
    const width = Math.max(...subtopology.inputs.filter((input) => !follows(input)).map((input) => countOf(input.topic)!));
    for (const input of subtopology.inputs) if (follows(input)) counts.set(input.topic.name, width);
    tasks.set(subtopology.id, width);
  }
  return { topics: counts, tasks };
};

interface Place {
  readonly subtopology: SubtopologyPlan;
  readonly step: string;
  readonly input?: InputPlan;
  readonly output?: OutputPlan;
}

const places = (plan: Plan): readonly Place[] =>
  plan.subtopologies.flatMap((subtopology): readonly Place[] => [
    ...subtopology.inputs.map((input) => ({ subtopology, step: input.step, input })),
    ...subtopology.nodes.flatMap(({ output, step }) => (output === undefined ? [] : [{ subtopology, step, output }])),
  ]);

/** The tasks of the widest sub-topology that writes the topic. */
const widestWriter = (plan: Plan, topic: string, tasks: ReadonlyMap<number, number>): number => {
  return Math.max(1, ...writersOf(plan, topic).map(({ id }) => tasks.get(id)!));
};

/** Inputs that must be equally wide; two sets that share an input are one. */
const groups = (subtopology: SubtopologyPlan): readonly { readonly inputs: readonly number[]; readonly step: string }[] => {
  const merged: { inputs: Set<number>; step: string }[] = [];
  for (const { inputs, step } of subtopology.copartitioned) {
    const touching = merged.filter((group) => inputs.some((input) => group.inputs.has(input)));
    const [first, ...others] = touching;
    if (first === undefined) {
      merged.push({ inputs: new Set(inputs), step });
      continue;
    }
    for (const group of [...others, { inputs }]) for (const input of group.inputs) first.inputs.add(input);
    // Of the steps that ask for it, the one that brought the widest circle together is named.
    first.step = step;
    for (const other of others) merged.splice(merged.indexOf(other), 1);
  }
  return merged.map(({ inputs, step }) => ({ inputs: [...inputs].sort((a, b) => a - b), step }));
};

const partitionsDiffer = (
  step: string,
  inputs: readonly InputPlan[],
  countOf: (topic: InputPlan["topic"]) => number | undefined,
): ConfigurationError => {
  const [a, b] = inputs.map(({ topic }) => `topic '${topic.name}' has ${partitionsOf(countOf(topic)!)}`);
  const movable = inputs.find(({ table }) => !table) ?? inputs[0]!;
  return new ConfigurationError(
    "PARTITIONS_DIFFER",
    `Step '${step}' brings equal keys together, but ${a} and ${b}: give both topics as many, or send the records of '${movable.topic.name}' through a topic in between, with .repartition(name).keyBy() before the step`,
    { step, topic: movable.topic.name },
  );
};

const partitionsOf = (count: number): string => (count === 1 ? "1 partition" : `${count} partitions`);
