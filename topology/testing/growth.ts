import type { InputPlan, Plan, SubtopologyPlan } from "../../core/runtime/plan.ts";

/** An input topic that has got more partitions, and what is promised then. */
export interface Growth {
  readonly topic: string;
  readonly was: number;
  readonly promise: GrowthPromise;
}

/**
 * - "refuse": keyed steps rely on the partitions, so that instances stop within a minute, and none starts any more.
 * - "refuse-start": state, or another input, is as wide as the topic was, so that none starts any more; those that run go on.
 * - "go-on": the new partitions are read after a restart of all instances.
 */
export type GrowthPromise = "refuse" | "refuse-start" | "go-on";

/** What is promised when this input topic grows. */
export const growthPromise = ({ subtopologies }: Plan, topic: string): GrowthPromise => {
  const reads = ({ topic: read }: InputPlan): boolean => !read.internal && read.name === topic;
  const readers = subtopologies.filter(({ inputs }) => inputs.some(reads));
  if (readers.some(({ inputs }) => inputs.some((input) => reads(input) && input.checkPartitioning))) return "refuse";
  return readers.some((reader) => isBound(reader, reads)) ? "refuse-start" : "go-on";
};

/** Changelogs are as wide as the sub-topology, and so are inputs that belong together. */
const isBound = ({ nodes, inputs, copartitioned }: SubtopologyPlan, reads: (input: InputPlan) => boolean): boolean =>
  nodes.some(({ store }) => store?.changelog && store.rowsOf === undefined) ||
  inputs.some(({ putOff, topic, kind }) => putOff !== undefined || topic.declared?.partitions !== undefined || kind !== "source") ||
  copartitioned.some((group) => group.inputs.some((input) => reads(inputs[input]!)));
