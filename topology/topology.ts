import type { Duration } from "../core/duration.ts";
import { type ErrorPolicy, fail } from "../core/error_policy.ts";
import { TopologyError } from "../core/errors.ts";
import type { Plan } from "../core/runtime/plan.ts";
import { type DescriptionFormat, describePlan } from "./describe/describe_plan.ts";
import { GraphBuilder } from "./graph/graph.ts";
import { nameFault } from "./plan/names.ts";
import { planTopology } from "./plan/plan_topology.ts";
import { type Scope, scopeOf } from "./scope.ts";

/** What holds for a topology as a whole. */
export interface TopologyOptions {
  /** What happens with records that cannot be handled, where nothing nearer says it: `from`, `to`, or `with`. @default fail() */
  readonly onError?: ErrorPolicy;
  /** The least time between two reports of event time from one task to the next. @default 200 ms */
  readonly watermarkInterval?: Duration;
  /** Of several changes of a table's row between two commits, tell those behind only the last. Results are the same in the end, and fewer on the way. @default false */
  readonly cache?: boolean;
}

/** A described program: a value, which can be run, described and passed around as often as one likes. */
export interface Topology {
  readonly name: string;
  /**
   * What the topology consists of: for a terminal, for a program, as a Mermaid flowchart, or as Kafka Streams prints it, for the tools that draw that.
   * @param format Defaults to "text".
   */
  describe(format?: DescriptionFormat): string;
  /** What tasks run: sub-topologies and the topics between them. */
  plan(): Plan;
}

/**
 * Describes a program: where its records come from, what is done with them and where they go. Nothing runs yet. Mistakes that the compiler cannot see are told here, as a TopologyError.
 *
 * @param name also the default of the application's id, which stands before the names of all its topics
 *
 * @example
 * ```ts
 * import { integer, text, topic, topology } from "millrace";
 *
 * const lines = topic("lines", { value: text });
 * const counts = topic("counts", { key: text, value: integer });
 *
 * const wordCount = topology("word-count", ({ from }) => {
 *   from(lines)
 *     .flatMap((line) => line.toLowerCase().split(/\W+/))
 *     .keyBy((word) => word)
 *     .count("count")
 *     .to(counts);
 * });
 * console.log(wordCount.describe());
 * ```
 */
export const topology = (name: string, build: (scope: Scope) => void, options: TopologyOptions = {}): Topology => {
  const fault = nameFault(name);
  if (fault !== undefined) throw new TopologyError("NAME_INVALID", `Cannot use '${String(name)}' as the name of a topology: ${fault}`);
  const { onError = fail(), watermarkInterval = 200, cache = false } = options;
  if (!(watermarkInterval >= 0))
    throw new TopologyError(
      "OPTION_INVALID",
      `The watermarkInterval of topology '${name}' is ${watermarkInterval} ms: give a duration that is not negative, such as millis(200)`,
    );
  const graph = new GraphBuilder(name);
  build(scopeOf(graph));
  const plan = planTopology(graph.build(), { onError, watermarkIntervalMs: watermarkInterval, cached: cache });
  return Object.freeze({ name, describe: (format: DescriptionFormat = "text") => describePlan(plan, format), plan: () => plan });
};
