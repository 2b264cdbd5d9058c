import type { Log } from "../core/ports/log.ts";
import { asConfigurationError } from "../core/runtime/setup.ts";
import { type KafkaOptions, kafkaLog as open } from "./kafka/mod.ts";

/**
 * A log on a Kafka cluster, 2.5 or later, to be passed as `log` to `run`: for options that `run` does not have, or for several runs over one set of connections. Whoever opens it closes it.
 *
 * Rejects within seconds with a ConfigurationError when an option cannot be used, no broker can be reached, or the login is refused.
 *
 * @example
 * ```ts ignore
 * import { kafkaLog, run } from "millrace/node";
 *
 * const log = await kafkaLog({ brokers: ["localhost:9092"], requestTimeoutMs: 10_000 });
 * const app = await run(wordCount, { log });
 * await app.finished;
 * await log.close();
 * ```
 */
export const kafkaLog = async (options: KafkaOptions): Promise<Log> => {
  try {
    return await open(options);
  } catch (error) {
    throw asConfigurationError(error);
  }
};
