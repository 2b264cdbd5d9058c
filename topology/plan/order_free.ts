import type { NodePlan, SubtopologyPlan } from "../../core/runtime/plan.ts";
import { toldByTime } from "./told_by_time.ts";

const withoutState = new Set(["filter", "flatMap", "keyBy", "map", "peek", "repartition", "rewrite", "split", "to", "union"]);

/**
 * Whether what comes out, as a set, is the same in whatever order the records of different partitions arrive, as long as none of them is late: every step either keeps nothing, or waits for event time before it speaks. Functions over
 * the contents of a window or a match are taken not to mind the order of what they are given.
 */
export const orderFree = (subtopologies: readonly SubtopologyPlan[]): boolean =>
  subtopologies.every(({ nodes }) => nodes.every(({ kind, parameters, output }) => output !== undefined || isFree(kind, parameters)));

const isFree = (kind: string, parameters: NodePlan["parameters"]): boolean => {
  if (withoutState.has(kind)) return true;
  const { time, emit, evict, ordered, asOf } = parameters;
  if (kind === "window") return time === "event" && emit === "watermark" && evict === undefined;
  if (kind === "match") return time === "event" && ordered === true && !toldByTime(parameters);
  return (kind === "join" || kind === "leftJoin") && asOf === "watermark";
};
