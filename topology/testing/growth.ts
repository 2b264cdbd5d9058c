import type { InputPlan, Plan } from "../../core/runtime/plan.ts";
import { widthBound } from "../../core/runtime/widths.ts";

/** An input topic that has got more partitions, and what is promised then. */
export interface Growth {
  readonly topic: string;
  readonly was: number;
  readonly promise: GrowthPromise;
}

/**
 * - "refuse": keyed steps rely on the partitions, so that instances stop within a minute, and none starts any more.
 * - "refuse-start": another input, or what is put off, is as wide as the topic was, so that none starts any more; those that run go on.
 * - "go-on": the new partitions are read after a restart of all instances.
 */
export type GrowthPromise = "refuse" | "refuse-start" | "go-on";

/** What is promised when this input topic grows. */
export const growthPromise = (plan: Plan, topic: string): GrowthPromise => {
  const reads = ({ topic: read }: InputPlan): boolean => !read.internal && read.name === topic;
  const readers = plan.subtopologies.filter(({ inputs }) => inputs.some(reads));
  if (readers.some(({ inputs }) => inputs.some((input) => reads(input) && input.checkPartitioning))) return "refuse";
  return widthBound(plan, topic) === undefined ? "go-on" : "refuse-start";
};
