import { sink } from "../../mod.ts";
import { elasticsearch, kafkaLog, pinoLogger, run } from "../../node/mod.ts";
import { avro, confluentRegistry } from "../../node/serde/mod.ts";
import type { Alert } from "./alert.ts";
import type { FraudOptions } from "./arguments.ts";
import { accountSchema, transactionSchema } from "./model.ts";
import type { Surroundings } from "./surroundings.ts";

/** On Kafka; this file is loaded only when it is asked for, so that the embedded run needs no permission. */
export const onKafka = (options: FraudOptions & { readonly brokers: string }): Surroundings => {
  const registry = options.registry === undefined ? undefined : { registry: confluentRegistry({ host: options.registry }) };
  const logger = pinoLogger({ level: options.json ? "info" : "warn", name: "fraud" });
  const search =
    options.search === undefined
      ? undefined
      : elasticsearch<Alert>({
          url: options.search,
          index: `${options.prefix}alerts`,
          id: (alert) => alert.id,
          log: logger,
          mappings: { properties: { timestamp: { type: "date" }, windowEnd: { type: "date" } } },
        });
  return {
    transaction: avro(transactionSchema, registry),
    account: avro(accountSchema, registry),
    sinks: search === undefined ? [] : [sink<Alert>("search", search)],
    async inputIsEmpty(topics) {
      const log = await kafkaLog({ brokers: options.brokers.split(",") });
      try {
        const described = await log.admin.describe(topics);
        const partitions = [...described.values()].flatMap(({ topic, partitions }) =>
          Array.from({ length: partitions }, (_, partition) => ({ topic, partition })),
        );
        const ends = await log.admin.offsets(partitions, "latest", "read-uncommitted");
        return [...ends.values()].every((end) => end === 0);
      } finally {
        await log.close();
      }
    },
    run: (topology, runOptions) => run(topology, { logger, brokers: options.brokers, ...runOptions }),
  };
};
