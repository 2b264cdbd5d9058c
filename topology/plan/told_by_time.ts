import type { NodePlan } from "../../core/runtime/plan.ts";

/**
 * Whether it is time that passes, and no event, which decides some of what a pattern gives: a match that ends with what must not come, one that waits until those that began before it are too old, steps that come too late. The timestamp of such a match, and
 * whether a step is told as timed out, depend on when the watermark has moved, as in Flink.
 */
export const toldByTime = ({ steps, within, skip }: NodePlan["parameters"]): boolean =>
  / within | after less than /.test(String(steps)) || (within !== undefined && (skip !== "none" || /\bnot\w+ [^,]*$/.test(String(steps))));
