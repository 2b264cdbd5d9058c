import type { Plan, SubtopologyPlan } from "./plan.ts";

/** The sub-topologies that write an internal topic, which is named without the application's id. */
export const writersOf = (plan: Plan, topic: string): readonly SubtopologyPlan[] =>
  plan.subtopologies.filter(({ nodes }) => nodes.some(({ output }) => output?.topic.internal === true && output.topic.name === topic));
