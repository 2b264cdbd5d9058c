import { ConfigurationError } from "../errors.ts";
import type { Log } from "../ports/log.ts";
import type { Logger } from "../ports/logger.ts";
import type { Plan } from "./plan.ts";
import { readConfig } from "./topic_limits.ts";

/** A table comes back from its topic only if every row is still there: what a broker deletes by time or size would be gone at the next start. */
export const checkTableTopics = async (log: Log, plan: Plan, logger: Logger): Promise<void> => {
  for (const { inputs, nodes } of plan.subtopologies)
    for (const { store, step } of nodes) {
      if (store?.rowsOf === undefined) continue;
      const { topic } = inputs[store.rowsOf.input]!;
      const config = await readConfig(log, topic.name, "whether it keeps every row of a table is not known", logger);
      if (config === undefined) continue;
      const wrong = lossOf(config, store.rowsOf.needsHistory);
      if (wrong === undefined) continue;
      throw new ConfigurationError(
        "TOPIC_MISCONFIGURED",
        `Table '${step}' has changelog: "source", and topic '${topic.name}' has ${wrong}: change that, or let the table have its own changelog`,
        { topic: topic.name, step },
      );
    }
};

/** The setting by which rows get lost, and what is needed; undefined when none does. */
const lossOf = (config: ReadonlyMap<string, string>, needsHistory: boolean): string | undefined => {
  const cleanup = config.get("cleanup.policy");
  const policies = (cleanup ?? "").split(",").map((policy) => policy.trim());
  if (policies.includes("compact") && needsHistory)
    return `cleanup.policy=${cleanup}, so what a row was before, which steps behind ask, may be gone when they are to be told of its next change`;
  if (!policies.includes("delete")) return undefined;
  const bound = ["retention.ms", "retention.bytes"].find((setting) => Number(config.get(setting) ?? -1) >= 0);
  if (bound === undefined) return undefined;
  return `cleanup.policy=${cleanup} with ${bound}=${config.get(bound)}, by which rows get lost that the table still has`;
};
