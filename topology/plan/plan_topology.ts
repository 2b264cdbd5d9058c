import type { ErrorPolicy } from "../../core/error_policy.ts";
import { TopologyError } from "../../core/errors.ts";
import type { Plan } from "../../core/runtime/plan.ts";
import type { Graph } from "../graph/graph.ts";
import { checkPatterns } from "./check_patterns.ts";
import { keyDomains } from "./key_domains.ts";
import { followKeys } from "./keying.ts";
import { layOut } from "./layout.ts";
import { lower } from "./lower.ts";
import { orderFree } from "./order_free.ts";
import { nameSteps } from "./step_names.ts";

/** Turns what a program describes into what tasks run: names the steps, follows the keys, cuts at the exchanges, and puts each part together. Throws a TopologyError where that cannot work. */
export const planTopology = (
  graph: Graph,
  options: { readonly onError: ErrorPolicy; readonly watermarkIntervalMs: number; readonly cached: boolean },
): Plan => {
  const names = nameSteps(graph);
  const keying = followKeys(graph, names);
  const domains = keyDomains(graph, keying, names);
  const layout = layOut(graph, keying, names);
  const { subtopologies, topics } = lower({ graph, names, keying, domains, layout, onError: options.onError, cached: options.cached });
  if (subtopologies.length === 0)
    throw new TopologyError(
      "TOPOLOGY_INVALID",
      `Topology '${graph.topology}' does nothing: read a topic with from(), and do something with its records, such as to(topic)`,
    );
  const plan: Plan = {
    name: graph.topology,
    subtopologies,
    topics,
    watermarkIntervalMs: options.watermarkIntervalMs,
    orderFree: orderFree(subtopologies),
  };
  checkPatterns(plan);
  return Object.freeze(plan);
};
