import { ConfigurationError } from "../core/errors.ts";
import type { Log } from "../core/ports/log.ts";
import { silent } from "../core/ports/logger.ts";
import type { App } from "../core/runtime/app.ts";
import { endedWords } from "../core/runtime/goes_on.ts";
import { asConfigurationError } from "../core/runtime/setup.ts";
import { unlessAborted } from "../core/runtime/unless_aborted.ts";
import { runOn } from "../topology/run.ts";
import { checkOptions, type RunOptions as NeutralRunOptions } from "../topology/run_options.ts";
import type { Topology } from "../topology/topology.ts";
import { type HttpOptions, httpSettings, QueryServer } from "./http/mod.ts";
import { type KafkaOptions, kafkaLog } from "./kafka/mod.ts";
import { closeOnSignals } from "./signals.ts";

/** How an application runs on Kafka: everything that `millrace` takes, and how to reach the brokers. */
export interface RunOptions extends NeutralRunOptions {
  /** "host:port", or several. Without them the run is embedded, on a log in memory. [bootstrap.servers] */
  readonly brokers?: string | readonly string[];
  /** @default the application's id [client.id] */
  readonly clientId?: string;
  /** TLS: true, or the options of Node's `tls.connect`. @default false [security.protocol, ssl.*] */
  readonly ssl?: KafkaOptions["ssl"];
  /** Login: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER. @default none [sasl.*] */
  readonly sasl?: KafkaOptions["sasl"];
  /** Allows what gives passwords or data to anybody on the network. @default false */
  readonly insecure?: boolean;
  /** @default "none" [compression.type] */
  readonly compression?: KafkaOptions["compression"];
  /** SIGTERM and SIGINT close the app; a second one ends the process at once. @default true */
  readonly signals?: boolean;
  /** Answers questions about what the app keeps over HTTP, and asks other instances for what they keep; `endpoint` is then what is listened on. @default no server */
  readonly http?: HttpOptions;
}

/**
 * Runs a topology on Kafka. Starting the same program again, here or on another machine, shares the work between the instances.
 *
 * Resolves when the app is set up; `finished` resolves when it has stopped. Rejects within seconds with a ConfigurationError when the brokers cannot be reached, the login is refused, or a topic is missing.
 *
 * @example
 * ```ts ignore
 * import { run } from "millrace/node";
 *
 * const app = await run(wordCount, { brokers: "localhost:9092", guarantee: "exactly-once" });
 * await app.finished;
 * ```
 */
export const run = async (topology: Topology, options: RunOptions = {}): Promise<App> => {
  checkOptions(options, ["brokers", "clientId", "ssl", "sasl", "insecure", "compression", "signals", "http"]);
  const { brokers, clientId, ssl, sasl, insecure, compression, signals = true, http, ...given } = options;
  const seeds = brokers === undefined ? undefined : typeof brokers === "string" ? brokers.split(",") : brokers;
  if (seeds !== undefined && given.log !== undefined)
    throw new ConfigurationError("OPTION_INVALID", "Options 'brokers' and 'log' exclude each other: leave one out");
  const connection = {
    ...(ssl === undefined ? {} : { ssl }),
    ...(sasl === undefined ? {} : { sasl }),
    ...(insecure === undefined ? {} : { insecure }),
    ...(compression === undefined ? {} : { compression }),
  };
  const server = http === undefined ? undefined : await QueryServer.listen(httpSettings(http), given.endpoint, given.logger ?? silent);
  const neutral = server === undefined ? given : { ...given, endpoint: server.endpoint };
  const release = server === undefined ? {} : { release: () => server.close() };
  let log: Log | undefined;
  try {
    if (seeds !== undefined) {
      const opening = kafkaLog({
        brokers: seeds,
        clientId: clientId ?? neutral.applicationId ?? topology.name,
        ...connection,
        ...(neutral.logger === undefined ? {} : { logger: neutral.logger }),
        ...(neutral.clock === undefined ? {} : { clock: neutral.clock }),
      });
      log = await (neutral.signal === undefined ? opening : unlessAborted(opening, neutral.signal, endedWords)).catch((error: unknown) => {
        void opening.then(
          (late) => late.close(),
          () => {},
        );
        throw error;
      });
    }
    const app = await runOn(topology, neutral, { ...(log === undefined ? {} : { log, ownsLog: true }), ...release });
    server?.serve(app.queries);
    if (signals) closeOnSignals(app);
    return app;
  } catch (error) {
    // An open connection would keep a process alive that has nothing more to do.
    await log?.close();
    await server?.close();
    throw asConfigurationError(error);
  }
};
