import { StoreError } from "../errors.ts";
import { murmur2 } from "../partitioner.ts";
import { type Log, LogError, noHeaders, type RawHeaders } from "../ports/log.ts";
import type { Logger } from "../ports/logger.ts";
import { recordBytes, recordOverheadMax } from "../record_bytes.ts";

/** What the log refuses to take into a topic. Known beforehand, it can be said of the one record that is to blame; the log refuses everything that is sent together. */
export interface TopicLimits {
  /** Of a batch with one record in it. */
  readonly recordBytesMax: number;
  /** How many bytes such a batch has when it is sent: fewer than `recordBytes` says where the log compresses. */
  readonly sentBytes: typeof recordBytes;
  /** How far a timestamp may lie ahead of the log's clock, and behind it. */
  readonly aheadMaxMs: number;
  readonly behindMaxMs: number;
  /** A compacted topic takes no record without a key. */
  readonly needsKey: boolean;
}

/** Of a topic whose configuration is not known: the log itself decides. */
export const noLimits: TopicLimits = {
  recordBytesMax: Number.POSITIVE_INFINITY,
  sentBytes: recordBytes,
  aheadMaxMs: Number.POSITIVE_INFINITY,
  behindMaxMs: Number.POSITIVE_INFINITY,
  needsKey: false,
};

/** Reads the limits out of a topic's configuration, in Kafka's names. What is not said there is not limited. */
export const topicLimits = (config: ReadonlyMap<string, string>, sentBytes: TopicLimits["sentBytes"] = recordBytes): TopicLimits => {
  const bound = (name: string): number => {
    const value = config.get(name);
    const number = value === undefined || value === longest ? Number.NaN : Number(value);
    return number >= 0 ? number : Number.POSITIVE_INFINITY;
  };
  // Before 3.6 there was one setting for both directions.
  const either = bound("message.timestamp.difference.max.ms");
  const stamped = config.get("message.timestamp.type") === "LogAppendTime";
  return {
    recordBytesMax: bound("max.message.bytes"),
    sentBytes,
    aheadMaxMs: stamped ? Number.POSITIVE_INFINITY : Math.min(either, bound("message.timestamp.after.max.ms")),
    behindMaxMs: stamped ? Number.POSITIVE_INFINITY : Math.min(either, bound("message.timestamp.before.max.ms")),
    needsKey: (config.get("cleanup.policy") ?? "").split(",").some((policy) => policy.trim() === "compact"),
  };
};

/** The limits of a topic as it is. Where they are not known the log decides when it is too late for a policy. */
export const readLimits = async (log: Log, topic: string, logger: Logger): Promise<TopicLimits> => {
  const sentBytes: TopicLimits["sentBytes"] | undefined =
    log.compressedBytes === undefined ? undefined : (key, value, headers) => log.compressedBytes!(key, value, headers);
  const config = await readConfig(log, topic, "records that it does not take are not known beforehand", logger);
  return config === undefined ? noLimits : topicLimits(config, sentBytes);
};

/** The settings of a topic. To read them is a right of its own: undefined without it, and the log says what follows from that. */
export const readConfig = async (
  log: Log,
  topic: string,
  soWhat: string,
  logger: Logger,
): Promise<ReadonlyMap<string, string> | undefined> => {
  try {
    return await log.admin.config(topic);
  } catch (error) {
    if (!(error instanceof LogError) || error.disposition !== "configuration") throw error;
    logger.log("info", `The settings of a topic cannot be read, so ${soWhat}`, { topic, reason: error.message });
    return undefined;
  }
};

/** Why the log would refuse a record, as a sentence that says what to do; undefined when it would not. */
export const refusal = (
  limits: TopicLimits,
  topic: string,
  record: { readonly key: Uint8Array | null; readonly value: Uint8Array | null; readonly timestamp: number; readonly headers: RawHeaders },
  nowMs: number,
): string | undefined => {
  const { key, value, timestamp, headers } = record;
  if (key === null && limits.needsKey)
    return `Topic '${topic}' is compacted and takes no record without a key: give it one, or set cleanup.policy=delete`;
  const bytes = measured(limits, key, value, headers);
  if (bytes > limits.recordBytesMax)
    return `A record of ${bytes} bytes (key ${key?.length ?? 0}, value ${value?.length ?? 0}) is too large for topic '${topic}', which takes ${limits.recordBytesMax}: raise its max.message.bytes, or write smaller records`;
  if (timestamp - nowMs > limits.aheadMaxMs)
    return `Timestamp ${timestamp} lies ${timestamp - nowMs} ms ahead of the clock, and topic '${topic}' takes ${limits.aheadMaxMs}: raise its message.timestamp.after.max.ms, or correct the timestamp`;
  if (nowMs - timestamp > limits.behindMaxMs)
    return `Timestamp ${timestamp} lies ${nowMs - timestamp} ms behind the clock, and topic '${topic}' takes ${limits.behindMaxMs}: raise its message.timestamp.before.max.ms, or correct the timestamp`;
  return undefined;
};

/** Throws a StoreError for an entry of a store that its changelog does not take. No record alone is to blame, so no policy is asked. */
export const refuseTooLarge = (limits: TopicLimits, store: string, key: Uint8Array, value: Uint8Array | null): void => {
  if (key.length + (value?.length ?? 0) <= fittingBytes(limits)) return;
  const bytes = measured(limits, key, value, noHeaders);
  if (bytes > limits.recordBytesMax)
    throw new StoreError(
      "STATE_TOO_LARGE",
      `An entry of store '${store}' has ${bytes} bytes (key ${keyHash(key)}), and its changelog takes ${limits.recordBytesMax}: keep less under one key, such as a list or map state instead of one large value, or raise max.message.bytes of the changelog topic`,
      { step: store },
    );
};

/** Key and value that are no larger together fit for certain when there are no headers. What does not compress gets a little larger by it. */
export const fittingBytes = ({ recordBytesMax, sentBytes }: TopicLimits): number =>
  Math.min(Number.MAX_SAFE_INTEGER, recordBytesMax - recordOverheadMax - (sentBytes === recordBytes ? 0 : 64 + recordBytesMax / 250));

/** To compress a record only to measure it is worth while when it may not fit. */
const measured = (limits: TopicLimits, key: Uint8Array | null, value: Uint8Array | null, headers: RawHeaders): number => {
  const bytes = recordBytes(key, value, headers);
  return bytes - recordOverheadMax > fittingBytes(limits) ? limits.sentBytes(key, value, headers) : bytes;
};

/** Tells a key in a log without showing it: its murmur2, in eight digits. */
export const keyHash = (key: Uint8Array): string => `#${(murmur2(key) >>> 0).toString(16).padStart(8, "0")}`;

/** Kafka's way of saying that there is no limit: the largest number of 64 bits. */
const longest = "9223372036854775807";
