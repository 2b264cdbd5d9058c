import { type Outbox, partitionId, type RawHeaders, type TopicPartition } from "../ports/log.ts";
import { RecordColumns } from "./record_columns.ts";

/** Columns are closed at about this size: what a partition drops, it drops in pieces no larger than this. */
const columnsBytes = 262_144;
const columnsRecords = 16_384;

/** What the outboxes of one client sent last to each partition: the next one is likely to be about as large, and room that fits need not grow. */
export type OutboxSizes = Map<string, { readonly bytes: number; readonly records: number }>;
const unknownSize = { bytes: 1_024, records: 16 };

/** What goes to one partition, in the order in which it was appended. */
export class OutboxPartition implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  readonly id: string;
  readonly columns: RecordColumns[] = [];
  private open: RecordColumns;

  constructor(topic: string, partition: number, sizes: OutboxSizes) {
    this.topic = topic;
    this.partition = partition;
    this.id = partitionId(topic, partition);
    const { bytes, records } = sizes.get(this.id) ?? unknownSize;
    this.open = new RecordColumns(bytes + (bytes >> 3), records + (records >> 3));
    this.columns.push(this.open);
  }

  append(key: Uint8Array | null, value: Uint8Array | null, timestamp: number, headers: RawHeaders): void {
    if (this.open.used >= columnsBytes || this.open.count >= columnsRecords) {
      // The next ones will be about as many and as large.
      const { count, used } = this.open;
      this.open = new RecordColumns(used + 4_096, count + 64);
      this.columns.push(this.open);
    }
    this.open.append(key, value, timestamp, headers);
  }
}

/** Records in columns, as the partitions of the log in memory hold them: what is appended is copied once, and large columns move into the log as they are. */
export class MemoryOutbox implements Outbox {
  private readonly topics = new Map<string, (OutboxPartition | undefined)[]>();
  private readonly sizes: OutboxSizes;
  private topic = "";
  private partitions: (OutboxPartition | undefined)[] | undefined;
  private appendedRecords = 0;
  private appendedBytes = 0;

  constructor(sizes: OutboxSizes = new Map()) {
    this.sizes = sizes;
  }

  append(topic: string, partition: number, key: Uint8Array | null, value: Uint8Array | null, timestamp: number, headers: RawHeaders): void {
    const partitions = topic === this.topic && this.partitions !== undefined ? this.partitions : this.turnTo(topic);
    let to = partitions[partition];
    if (to === undefined) to = partitions[partition] = new OutboxPartition(topic, partition, this.sizes);
    to.append(key, value, timestamp, headers);
    this.appendedRecords++;
    this.appendedBytes += (key === null ? 0 : key.length) + (value === null ? 0 : value.length);
  }

  get records(): number {
    return this.appendedRecords;
  }

  get bytes(): number {
    return this.appendedBytes;
  }

  /** Where something goes, in the order of the first record for each topic. */
  filled(): OutboxPartition[] {
    const filled: OutboxPartition[] = [];
    for (const partitions of this.topics.values())
      for (const one of partitions) {
        if (one === undefined) continue;
        filled.push(one);
        const [{ used, count }] = one.columns as [RecordColumns];
        this.sizes.set(one.id, { bytes: used, records: count });
      }
    return filled;
  }

  /** What was sent is the log's. */
  clear(): void {
    this.topics.clear();
    this.partitions = undefined;
    this.appendedRecords = 0;
    this.appendedBytes = 0;
  }

  private turnTo(topic: string): (OutboxPartition | undefined)[] {
    let partitions = this.topics.get(topic);
    if (partitions === undefined) {
      partitions = [];
      this.topics.set(topic, partitions);
    }
    this.topic = topic;
    this.partitions = partitions;
    return partitions;
  }
}
