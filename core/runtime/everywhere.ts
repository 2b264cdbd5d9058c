import { inputsBefore } from "./inputs_before.ts";
import type { NodePlan, SubtopologyPlan } from "./plan.ts";

/** Whether every task has all of what the step keeps: it comes from nothing but inputs that are read before the others. */
export const isEverywhere = (subtopology: SubtopologyPlan, { inputs }: Pick<NodePlan, "inputs">): boolean => {
  const before = inputsBefore(subtopology, inputs.flat());
  return before.length > 0 && before.every(({ kind, bootstrap }) => kind === "retry" || bootstrap === true);
};

/** The stores of a sub-topology of which every task has all. */
export const everywhereStores = (subtopology: SubtopologyPlan): ReadonlySet<string> =>
  new Set(
    subtopology.nodes.flatMap((node) => (node.store?.reader !== undefined && isEverywhere(subtopology, node) ? [node.store.name] : [])),
  );
