import { type App, type Fed, millis, type RunOptions, type Sink, sink } from "../../mod.ts";
import type { Alert } from "./alert.ts";
import type { FraudOptions } from "./arguments.ts";
import { fraudDetection, fraudTopics } from "./fraud_detection.ts";
import { generate } from "./generate.ts";
import { atRate, fed, fedFrom, linesOf } from "./input.ts";
import type { Surroundings } from "./surroundings.ts";

/** Takes alerts as they are committed. */
export type AlertListener = (alert: Alert) => void;

/** Options of `run` that follow from the command line. */
export const groupOptions = (options: FraudOptions): RunOptions =>
  options.sessionTimeoutMs === undefined
    ? {}
    : {
        group: {
          sessionTimeout: millis(options.sessionTimeoutMs),
          heartbeat: millis(Math.min(1000, options.sessionTimeoutMs / 3)),
          rebalanceTimeout: millis(Math.max(options.sessionTimeoutMs, 10_000)),
        },
      };

/** A sink that hands alerts to a function of this process. */
export const listening = (name: string, onAlert: AlertListener): Sink<Alert> =>
  sink<Alert>(name, {
    async write(batch) {
      for (const { value } of batch) onAlert(value);
    },
  });

/**
 * A run over so many generated transactions, or over the lines of a file, as fast as it goes. It ends by itself, on every instance.
 */
export const bounded = async (options: FraudOptions, surroundings: Surroundings, onAlert: AlertListener): Promise<App> => {
  const topics = fraudTopics({ prefix: options.prefix, transaction: surroundings.transaction, account: surroundings.account });
  const topology = fraudDetection(options.prefix, topics, [...surroundings.sinks, listening("terminal", onAlert)]);
  const feeds = options.brokers === undefined || options.produce;
  const { input, transactions, seed, rate } = options;
  const all = (written: number): Iterable<Fed> | AsyncIterable<Fed> =>
    input === undefined ? fedFrom(generate({ transactions: transactions!, seed }), topics, written) : fileFrom(input, written);
  const feed = (written: number): Iterable<Fed> | AsyncIterable<Fed> => (rate === undefined ? all(written) : atRate(all(written), rate));
  async function* fileFrom(path: string, written: number): AsyncGenerator<Fed> {
    let seen = 0;
    for await (const line of linesOf(path)) if (seen++ >= written) yield fed(line, topics);
  }
  return surroundings.run(topology, {
    mode: "batch",
    ...groupOptions(options),
    ...(feeds ? { feed } : { awaitFeed: await surroundings.inputIsEmpty([topics.transactions.name, topics.accounts.name]) }),
  });
};
