import { logError } from "./disposition.ts";

type Check = (value: string) => boolean;

const wholeNumber =
  (min: bigint, max: bigint): Check =>
  (value) => {
    if (!/^-?\d{1,19}$/.test(value)) return false;
    const number = BigInt(value);
    return number >= min && number <= max;
  };
const maxLong = 2n ** 63n - 1n;
const maxInt = 2n ** 31n - 1n;
const long = wholeNumber(0n, maxLong);
const longOrMinusOne = wholeNumber(-1n, maxLong);
const int = wholeNumber(0n, maxInt);
const positiveInt = wholeNumber(1n, maxInt);
const flag: Check = (value) => value === "true" || value === "false";
const ratio: Check = (value) => /^\d*\.?\d+$/.test(value) && Number(value) >= 0 && Number(value) <= 1;
const oneOf =
  (...allowed: readonly string[]): Check =>
  (value) =>
    allowed.includes(value);
const policies: Check = (value) => value.split(",").every((policy) => ["delete", "compact"].includes(policy.trim()));

const forever = String(maxLong);

/**
 * The settings of a topic that Kafka 4.1 knows, with their defaults and what they may be. One default differs: records are kept for ever unless a topic says
 * otherwise, for a log in memory is often filled with records of long ago.
 */
const known: ReadonlyMap<string, readonly [standard: string, check: Check]> = new Map([
  ["cleanup.policy", ["delete", policies]],
  ["compression.type", ["producer", oneOf("producer", "uncompressed", "gzip", "snappy", "lz4", "zstd")]],
  ["delete.retention.ms", ["86400000", long]],
  ["file.delete.delay.ms", ["60000", long]],
  ["flush.messages", [forever, long]],
  ["flush.ms", [forever, long]],
  ["index.interval.bytes", ["4096", int]],
  ["max.compaction.lag.ms", [forever, wholeNumber(1n, maxLong)]],
  ["max.message.bytes", ["1048588", int]],
  ["message.timestamp.after.max.ms", ["3600000", long]],
  ["message.timestamp.before.max.ms", [forever, long]],
  ["message.timestamp.type", ["CreateTime", oneOf("CreateTime", "LogAppendTime")]],
  ["min.cleanable.dirty.ratio", ["0.5", ratio]],
  ["min.compaction.lag.ms", ["0", long]],
  ["min.insync.replicas", ["1", positiveInt]],
  ["preallocate", ["false", flag]],
  ["retention.bytes", ["-1", longOrMinusOne]],
  ["retention.ms", ["-1", longOrMinusOne]],
  ["segment.bytes", ["1073741824", wholeNumber(14n, maxInt)]],
  ["segment.index.bytes", ["10485760", wholeNumber(4n, maxInt)]],
  ["segment.jitter.ms", ["0", long]],
  ["segment.ms", ["604800000", wholeNumber(1n, maxLong)]],
  ["unclean.leader.election.enable", ["false", flag]],
]);

/** What a topic's configuration means to its partitions. */
export interface TopicSettings {
  readonly compacts: boolean;
  readonly deletes: boolean;
  readonly maxMessageBytes: number;
  readonly timestampAfterMaxMs: number;
  readonly timestampBeforeMaxMs: number;
  readonly logAppendTime: boolean;
  /** Infinity where nothing is dropped by age. */
  readonly retentionMs: number;
  readonly retentionBytes: number;
  readonly deleteRetentionMs: number;
  /** Everything by name, set or by default. */
  readonly values: ReadonlyMap<string, string>;
}

/**
 * Reads a topic's configuration.
 *
 * @throws LogError INVALID_CONFIG for a name that Kafka does not know, or a value that it refuses
 */
export const topicSettings = (topic: string, config: Readonly<Record<string, string>>): TopicSettings => {
  const values = new Map<string, string>();
  for (const [name, [standard]] of known) values.set(name, standard);
  for (const [name, value] of Object.entries(config)) {
    const setting = known.get(name);
    if (setting === undefined)
      throw logError("INVALID_CONFIG", `Topic '${topic}' cannot be configured with '${name}': there is no such setting`, { topic });
    if (!setting[1](value))
      throw logError(
        "INVALID_CONFIG",
        `Topic '${topic}' cannot be configured with ${name} = '${value}': give a value that this setting allows`,
        { topic },
      );
    values.set(name, value);
  }
  const text = (name: string): string => values.get(name)!;
  const bound = (name: string): number =>
    text(name) === forever || Number(text(name)) < 0 ? Number.POSITIVE_INFINITY : Number(text(name));
  const cleanup = text("cleanup.policy");
  return {
    compacts: cleanup.includes("compact"),
    deletes: cleanup.includes("delete"),
    maxMessageBytes: bound("max.message.bytes"),
    timestampAfterMaxMs: bound("message.timestamp.after.max.ms"),
    timestampBeforeMaxMs: bound("message.timestamp.before.max.ms"),
    logAppendTime: text("message.timestamp.type") === "LogAppendTime",
    retentionMs: cleanup.includes("delete") ? bound("retention.ms") : Number.POSITIVE_INFINITY,
    retentionBytes: cleanup.includes("delete") ? bound("retention.bytes") : Number.POSITIVE_INFINITY,
    deleteRetentionMs: bound("delete.retention.ms"),
    values,
  };
};
