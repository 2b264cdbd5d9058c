import { ConfigurationError } from "../errors.ts";
import { partitionForKey } from "../partitioner.ts";
import type { Clock } from "../ports/clock.ts";
import type { InputPlan } from "./plan.ts";
import { keyHash } from "./topic_limits.ts";

/** The first keys of a partition are all looked at, then one of so many: a producer that spreads keys otherwise is found at once, and the sample costs nothing. */
const firstKeys = 64;
const everyKeys = 1024;
const hourMs = 3_600_000;

/** What is checked of the records of one partition of a source, beyond that they can be read. */
export class InputChecks {
  readonly #plan: InputPlan;
  readonly #topic: string;
  readonly #partition: number;
  readonly #partitions: number;
  readonly #clock: Clock;
  readonly #recordBytesMax: number;
  readonly #aheadMaxMs: number;
  /** What is not later than this is not too far ahead; beyond it the Clock is asked again. */
  #latest: number;
  #keys = 0;

  constructor(options: {
    readonly plan: InputPlan;
    readonly topic: string;
    readonly partition: number;
    readonly partitions: number;
    readonly clock: Clock;
    /** How long key and value of a record of others may be together. */
    readonly recordBytesMax: number;
    /** Then time is not compared with the Clock: the input may be of any age. */
    readonly bounded: boolean;
  }) {
    const { plan, bounded } = options;
    this.#plan = plan;
    this.#topic = options.topic;
    this.#partition = options.partition;
    this.#partitions = options.partitions;
    this.#clock = options.clock;
    // What the application has written itself was measured then.
    this.#recordBytesMax = plan.topic.internal ? Number.POSITIVE_INFINITY : options.recordBytesMax;
    this.#aheadMaxMs =
      plan.time === undefined ? Number.POSITIVE_INFINITY : (plan.time.maxFutureMs ?? (bounded ? Number.POSITIVE_INFINITY : hourMs));
    this.#latest = this.#clock.now() + this.#aheadMaxMs;
  }

  /** Whether the next key is one of the sample: asked once for each. */
  wantsKey(): boolean {
    const turn = this.#keys++;
    return turn < firstKeys || turn % everyKeys === 0;
  }

  /**
   * Steps that need equal keys in one task rely on the records' own partitions. Throws ConfigurationError when a key of the sample lies elsewhere than its hash says: results would be wrong without a word.
   */
  key(bytes: Uint8Array): void {
    const expected = partitionForKey(bytes, this.#partitions);
    if (expected === this.#partition) return;
    throw new ConfigurationError(
      "KEY_MISPLACED",
      `Partition ${this.#partition} of topic '${this.#topic}' holds a key (${keyHash(bytes)}) that belongs to partition ${expected} of ${this.#partitions} by Kafka's default partitioner: its producer spreads keys otherwise, or the topic got more partitions. Steps that need a key cannot rely on the topic's own partitions, so send the records through one of ours: .repartition(name).keyBy()`,
      { topic: this.#topic, partition: this.#partition, step: this.#plan.step },
    );
  }

  /** How long it is until that moment of the Clock. */
  untilMs(atMs: number): number {
    return atMs - this.#clock.now();
  }

  /** Why a record of so many bytes is not decoded; undefined when it is. */
  size(bytes: number): string | undefined {
    if (bytes <= this.#recordBytesMax) return undefined;
    return `The record has ${bytes} bytes, more than memory.recordBytes (${this.#recordBytesMax}): have smaller ones written, or raise that`;
  }

  /** What is wrong with a timestamp, as a sentence; undefined when it can be used. One clock that is wrong must not carry event time away. */
  timestamp(timestamp: number): string | undefined {
    if (timestamp <= this.#latest && timestamp >= 0 && Number.isSafeInteger(timestamp)) return undefined;
    if (timestamp === -1) return "The record has no timestamp: give the source a timestamp function";
    if (!Number.isSafeInteger(timestamp) || timestamp < 0)
      return `The timestamp is ${String(timestamp)}: it has to be a whole number of milliseconds since 1970`;
    const now = this.#clock.now();
    this.#latest = now + this.#aheadMaxMs;
    if (timestamp <= this.#latest) return undefined;
    const unit = timestamp > microseconds ? "it looks like microseconds, so divide it by 1000 in the source's timestamp function" : "";
    return `The timestamp ${timestamp} lies ${timestamp - now} ms ahead of the clock, more than maxFuture (${this.#aheadMaxMs} ms): ${unit || "correct the producer's clock, or raise maxFuture"}`;
  }
}

/** In milliseconds this is the year 5138. */
const microseconds = 1e14;
