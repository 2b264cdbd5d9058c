import type { Clock } from "../ports/clock.ts";
import {
  type CommittedOffset,
  type FetchPosition,
  type GroupMetadata,
  type Isolation,
  LogError,
  partitionId,
  type TopicPartition,
} from "../ports/log.ts";
import { logError } from "./disposition.ts";
import { GroupCoordinator } from "./group_coordinator.ts";
import { type CoordinatorKind, Outages } from "./outages.ts";
import type { FetchedBatches, PartitionLog, ProducedBatch } from "./partition_log.ts";
import type { RecordColumns } from "./record_columns.ts";
import { TopicRegistry } from "./topic_registry.ts";
import { type ProducerIdentity, type TransactionalIdentity, TransactionCoordinator } from "./transaction_coordinator.ts";

/** How the log in memory behaves, with Kafka's defaults where Kafka has one. */
export interface BrokerOptions {
  readonly clock: Clock;
  readonly brokers: number;
  readonly transactionVersion: 1 | 2;
  readonly transactionTimeoutMaxMs: number;
  readonly transactionCheckMs: number;
  readonly markerDelayMs: () => number;
  readonly initialRebalanceDelayMs: number;
  readonly sessionTimeoutMinMs: number;
  readonly sessionTimeoutMaxMs: number;
  readonly compactionBytes: number;
  readonly uuid: () => string;
}

/** One batch for each of some partitions, as one request carries them. */
export interface ProduceRequest extends ProducerIdentity {
  readonly transactionalId: string | null;
  readonly batches: readonly PartitionBatch[];
}

export interface PartitionBatch extends TopicPartition {
  readonly columns: RecordColumns;
  readonly from: number;
  readonly to: number;
  readonly sequence: number;
}

/** What one partition answered. */
export interface PartitionAnswer extends FetchPosition {
  readonly fetched: FetchedBatches | LogError;
}

export interface FetchBounds {
  readonly isolation: Isolation;
  readonly partitionBytes: number;
  readonly totalBytes: number;
}

/** The shared half of the log in memory: what a cluster of brokers is to Kafka's clients. Every method is one request, done at once. */
export class MemoryBroker {
  readonly clock: Clock;
  readonly brokers: number;
  readonly transactionVersion: 1 | 2;
  readonly topics: TopicRegistry;
  readonly groups: GroupCoordinator;
  readonly transactions: TransactionCoordinator;
  readonly outages: Outages;

  constructor(options: BrokerOptions) {
    this.clock = options.clock;
    this.brokers = options.brokers;
    this.transactionVersion = options.transactionVersion;
    this.outages = new Outages(options.clock);
    const present = (kind: CoordinatorKind) => () => this.outages.refuseCoordinator(kind);
    this.groups = new GroupCoordinator({ ...options, newMemberId: () => `member-${options.uuid()}`, present: present("group") });
    this.topics = new TopicRegistry({ ...options, newTopicId: options.uuid, forgetInGroups: (topic) => this.groups.forgetTopic(topic) });
    this.transactions = new TransactionCoordinator({
      ...options,
      present: present("transaction"),
      endInGroup: (groupId, producerId, marker) => this.groups.endTransaction(groupId, producerId, marker),
    });
  }

  /** Another broker becomes the coordinator; what it knows is what the one before has written down. */
  moveCoordinator(kind: CoordinatorKind, awayMs: number): void {
    if (kind === "group") this.groups.reload();
    this.outages.coordinatorAway(kind, awayMs);
  }

  deleteRecords(positions: readonly FetchPosition[]): void {
    for (const position of positions) {
      const log = this.topics.partition(position);
      this.outages.refuseLeader(position.topic, position.partition, "read");
      log.deleteUpTo(position.offset);
    }
  }

  /** Appends each batch, and gives for each the base offset or what its partition said. */
  produce(request: ProduceRequest): (number | LogError)[] {
    return request.batches.map((batch) => {
      try {
        return this.append(request, batch);
      } catch (error) {
        if (error instanceof LogError) return error;
        throw error;
      }
    });
  }

  addPartitions(who: TransactionalIdentity, partitions: readonly TopicPartition[]): void {
    this.transactions.addPartitions(
      who,
      partitions.map((one) => this.topics.partition(one)),
    );
  }

  /** Offsets that belong to the producer's open transaction. */
  commitInTransaction(who: TransactionalIdentity, group: GroupMetadata, offsets: readonly CommittedOffset[]): void {
    this.commitKnown(offsets, (known) => {
      if (this.transactionVersion === 2) this.transactions.addGroup(who, group.groupId);
      else this.transactions.verifyGroup(who, group.groupId);
      this.groups.hold(group, known, who.producerId);
    });
  }

  commitOffsets(groupId: string, offsets: readonly CommittedOffset[], group: GroupMetadata | null): void {
    this.commitKnown(offsets, (known) => this.groups.commit(groupId, known, group));
  }

  /** What the positions have, in their order, until the bytes are used up. Positions without news are left out. */
  fetch(positions: readonly FetchPosition[], { isolation, partitionBytes, totalBytes }: FetchBounds): PartitionAnswer[] {
    const answers: PartitionAnswer[] = [];
    let left = totalBytes;
    let first = true;
    for (const { topic, partition, offset, bytesMax = partitionBytes } of positions) {
      const fetched = this.fetchOne({ topic, partition, offset }, isolation, Math.min(partitionBytes, bytesMax, left), first);
      if (fetched === null) continue;
      if (fetched instanceof LogError) answers.push({ topic, partition, offset, fetched });
      else if (fetched.nextOffset > offset) {
        answers.push({ topic, partition, offset, fetched });
        left -= fetched.bytes;
        first = false;
        if (left <= 0) break;
      }
    }
    return answers;
  }

  offsets(
    partitions: readonly TopicPartition[],
    at: "earliest" | "latest" | { readonly timestamp: number },
    isolation: Isolation,
  ): ReadonlyMap<string, number> {
    return new Map(
      partitions.map((one) => {
        const log = this.topics.partition(one);
        this.outages.refuseLeader(one.topic, one.partition, "read");
        const offset =
          at === "earliest" ? log.logStartOffset : at === "latest" ? log.end(isolation) : log.offsetAt(at.timestamp, isolation);
        return [partitionId(one.topic, one.partition), offset];
      }),
    );
  }

  /** Offsets of partitions that do not exist are refused, and that is what is heard of; the others are committed all the same. */
  private commitKnown(offsets: readonly CommittedOffset[], commit: (known: readonly CommittedOffset[]) => void): void {
    const known = offsets.filter(({ topic, partition }) => this.topics.find(topic, partition) !== undefined);
    try {
      if (known.length > 0) commit(known);
    } finally {
      for (const offset of offsets) this.topics.partition(offset);
    }
  }

  private fetchOne(
    { topic, partition, offset }: FetchPosition,
    isolation: Isolation,
    bytes: number,
    atLeastOne: boolean,
  ): FetchedBatches | LogError | null {
    const log = this.topics.find(topic, partition);
    if (log === undefined)
      return logError("UNKNOWN_TOPIC_OR_PARTITION", `There is no '${partitionId(topic, partition)}': create the topic first`, {
        topic,
        partition,
      });
    // The client asks again by itself, somewhere else.
    if (this.outages.leaderFault(topic, partition, "read") !== undefined) return null;
    try {
      return log.fetch(offset, isolation, bytes, atLeastOne);
    } catch (error) {
      if (error instanceof LogError) return error;
      throw error;
    }
  }

  private append(request: ProduceRequest, batch: PartitionBatch): number {
    const log = this.topics.partition(batch);
    this.outages.refuseLeader(batch.topic, batch.partition, "write");
    const { transactionalId, producerId, producerEpoch } = request;
    if (transactionalId !== null) this.joinTransaction({ transactionalId, producerId, producerEpoch }, log);
    const { columns, from, to, sequence } = batch;
    const produced: ProducedBatch = { columns, from, to, sequence, producerId, producerEpoch, transactional: transactionalId !== null };
    return log.append(produced);
  }

  /** Nothing is appended to a transaction that its coordinator does not know of: a record that comes too late would otherwise hold the partition back for ever. */
  private joinTransaction(who: TransactionalIdentity, log: PartitionLog): void {
    if (log.hasOpenTransaction(who.producerId, who.producerEpoch)) return;
    if (this.transactionVersion === 2) this.transactions.addPartitions(who, [log]);
    else this.transactions.verify(who, log);
  }
}
