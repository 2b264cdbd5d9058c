import { LogError, type Outbox, type RawHeaders } from "../../core/ports/log.ts";
import { BatchBuilder, headersLength, recordBytesMax } from "./batch_builder.ts";
import type { BatchLimits } from "./batch_limits.ts";
import type { BufferPool } from "./buffer_pool.ts";

/** What waits for one partition, as batches in order. */
export interface PartitionBatches {
  readonly topic: string;
  readonly partition: number;
  readonly batchBytesMax: number;
  readonly batches: BatchBuilder[];
}

/** Records on their way out, encoded as they are appended. A batch that has reached its limit is followed by another one. */
export class KafkaOutbox implements Outbox {
  #records = 0;
  #closedBytes = 0;
  readonly #pool: BufferPool;
  readonly #limits: BatchLimits;
  readonly #topics = new Map<string, (PartitionBatches | undefined)[]>();
  /** Successive records mostly go to the same topic. */
  #lastTopic: string | undefined;
  #lastPartitions: (PartitionBatches | undefined)[] = [];
  #all: PartitionBatches[] = [];

  constructor(pool: BufferPool, limits: BatchLimits) {
    this.#pool = pool;
    this.#limits = limits;
  }

  get records(): number {
    return this.#records;
  }

  get bytes(): number {
    let bytes = this.#closedBytes;
    for (const { batches } of this.#all) bytes += batches.at(-1)!.bytes;
    return bytes;
  }

  append(topic: string, partition: number, key: Uint8Array | null, value: Uint8Array | null, timestamp: number, headers: RawHeaders): void {
    if (topic !== this.#lastTopic) this.#turnTo(topic);
    const waiting = this.#lastPartitions[partition] ?? this.#open(topic, partition);
    if (!Number.isSafeInteger(timestamp)) {
      throw new LogError(
        "INVALID_TIMESTAMP",
        "rejected",
        `Cannot write a record with timestamp ${timestamp}: whole milliseconds are needed`,
        { topic, partition },
      );
    }
    let batch = waiting.batches[waiting.batches.length - 1]!;
    const bytesMax = recordBytesMax(key, value) + (headers.length === 0 ? 0 : headersLength(headers));
    if (batch.count > 0 && batch.bytes + bytesMax > waiting.batchBytesMax) {
      this.#closedBytes += batch.bytes;
      batch = new BatchBuilder(this.#pool);
      waiting.batches.push(batch);
    }
    batch.append(key, value, timestamp, headers);
    this.#records++;
  }

  get partitions(): readonly PartitionBatches[] {
    return this.#all;
  }

  /** Gives the memory of all batches back and begins anew. */
  clear(): void {
    for (const { batches } of this.#all) for (const batch of batches) batch.release();
    this.#topics.clear();
    this.#all = [];
    this.#lastTopic = undefined;
    this.#records = 0;
    this.#closedBytes = 0;
  }

  #turnTo(topic: string): void {
    let partitions = this.#topics.get(topic);
    if (partitions === undefined) {
      partitions = [];
      this.#topics.set(topic, partitions);
    }
    this.#lastTopic = topic;
    this.#lastPartitions = partitions;
  }

  #open(topic: string, partition: number): PartitionBatches {
    if (!Number.isInteger(partition) || partition < 0) {
      throw new LogError(
        "UNKNOWN_TOPIC_OR_PARTITION",
        "rejected",
        `Cannot write to partition ${partition} of '${topic}': partitions count from 0`,
        { topic, partition },
      );
    }
    const opened = { topic, partition, batchBytesMax: this.#limits.of(topic), batches: [new BatchBuilder(this.#pool)] };
    this.#lastPartitions[partition] = opened;
    this.#all.push(opened);
    return opened;
  }
}
