import type { ConnectionOptions } from "node:tls";
import { ConfigurationError } from "../../core/errors.ts";
import type { Clock } from "../../core/ports/clock.ts";
import { type Logger, silent } from "../../core/ports/logger.ts";
import type { ClusterOptions } from "./cluster.ts";
import { type Compression, ratioMax } from "./compression.ts";
import type { KafkaSasl } from "./kafkajs_connection.ts";
import { checkSecurity } from "./security_options.ts";
import { systemClock } from "./system_clock.ts";
import type { TransactionProtocol } from "./transaction_coordinator.ts";

/** How to reach a cluster, and how to speak with it. */
export interface KafkaOptions {
  /** Some of the cluster's brokers, each as "host:port"; the others are learned from them. */
  readonly brokers: readonly string[];
  /** The name under which this program appears in the brokers' logs and quotas. @default "millrace" */
  readonly clientId?: string;
  /** TLS: true, or the options of Node's `tls.connect` (`ca`, `cert`, `key`, `servername`, ...). @default false */
  readonly ssl?: boolean | ConnectionOptions;
  /** Login: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER. */
  readonly sasl?: KafkaSasl;
  /** Allows what gives passwords or data to anybody on the network: PLAIN or OAUTHBEARER without TLS, certificates that are not checked. @default false */
  readonly insecure?: boolean;
  /** How long a connection may take, milliseconds; twice as long with the login. @default 3_000 */
  readonly connectionTimeoutMs?: number;
  /** How long an answer may take, milliseconds. @default 30_000 */
  readonly requestTimeoutMs?: number;
  /** How long passing faults (a leader that moves, a broker that restarts) are retried, milliseconds. @default 30_000 */
  readonly retryForMs?: number;
  /** How batches are compressed. snappy needs the package `snappyjs`, lz4 `lz4-napi`, zstd Node 22.15 or later. @default "none" */
  readonly compression?: Compression;
  /** How large a batch of records may become before the next one begins, bytes. @default 524_288 */
  readonly batchBytes?: number;
  /** Upper bound of what one compressed batch may unpack to, bytes. @default 67_108_864 */
  readonly decompressedBytesMax?: number;
  /** Upper bound of how many times larger than its compressed form a batch may become; up to a mebibyte it is not looked at. @default 1_000 */
  readonly decompressionRatioMax?: number;
  /** The newest transaction protocol to use; 2 where the cluster has it. @default 2 */
  readonly transactionProtocol?: TransactionProtocol;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

export interface CheckedKafkaOptions {
  readonly cluster: ClusterOptions;
  readonly compression: Compression;
  readonly batchBytes: number;
  readonly decompressedBytesMax: number;
  readonly decompressionRatioMax: number;
  readonly transactionProtocol: TransactionProtocol;
}

/** Fills in defaults. Throws ConfigurationError OPTION_INVALID that names the option. */
export const checkKafkaOptions = (options: KafkaOptions): CheckedKafkaOptions => {
  const { clientId = "millrace", compression = "none", transactionProtocol = 2 } = options;
  if (!Array.isArray(options.brokers) || options.brokers.length === 0) throw invalid("'brokers' is empty: give at least one 'host:port'");
  if (typeof clientId !== "string" || clientId === "") throw invalid("'clientId' is empty: leave it out or give a name");
  if (!compressions.includes(compression)) throw invalid(`'compression' is '${compression}': use one of ${compressions.join(", ")}`);
  if (transactionProtocol !== 1 && transactionProtocol !== 2)
    throw invalid(`'transactionProtocol' is ${String(transactionProtocol)}: use 1 or 2`);
  const clock = options.clock ?? systemClock;
  const connectionTimeoutMs = positive("connectionTimeoutMs", options.connectionTimeoutMs ?? 3_000);
  const { tls, sasl } = checkSecurity(options, clock, connectionTimeoutMs);
  return {
    cluster: {
      seeds: options.brokers.map(parseBroker),
      clientId,
      tls,
      sasl,
      connectionTimeoutMs,
      requestTimeoutMs: positive("requestTimeoutMs", options.requestTimeoutMs ?? 30_000),
      retryForMs: positive("retryForMs", options.retryForMs ?? 30_000),
      clock,
      logger: options.logger ?? silent,
    },
    compression,
    batchBytes: positive("batchBytes", options.batchBytes ?? 512 * 1024),
    decompressedBytesMax: positive("decompressedBytesMax", options.decompressedBytesMax ?? 64 * 1024 * 1024),
    decompressionRatioMax: positive("decompressionRatioMax", options.decompressionRatioMax ?? ratioMax),
    transactionProtocol,
  };
};

const compressions: readonly Compression[] = ["none", "gzip", "snappy", "lz4", "zstd"];

const parseBroker = (broker: string): { readonly host: string; readonly port: number } => {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:[\]\s/]+)):(\d{1,5})$/.exec(String(broker).trim()) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) {
    // An address like those of other systems may have a password in it.
    const address = String(broker).replace(/[^/@]*@/, "");
    throw invalid(
      `'brokers' contains '${address}': give each as 'host:port', without a protocol${address === broker ? "" : " and a user, who goes into 'sasl'"}`,
    );
  }
  return { host, port: Number(port) };
};

const positive = (name: string, value: number): number => {
  if (!Number.isSafeInteger(value) || value <= 0) throw invalid(`'${name}' is ${String(value)}: a whole number above 0 is needed`);
  return value;
};

const invalid = (message: string): ConfigurationError => new ConfigurationError("OPTION_INVALID", `Cannot use Kafka as ${message}`);
