import type { Clock } from "../ports/clock.ts";
import type {
  CommittedOffset,
  FetchPosition,
  GroupMetadata,
  Isolation,
  LogAdmin,
  TopicDescription,
  TopicPartition,
  TopicSpec,
} from "../ports/log.ts";
import type { Link, RequestKind } from "./link.ts";
import type { MemoryBroker } from "./memory_broker.ts";
import { retried, retryLimitMs, unlessUnknown } from "./retried.ts";

/** Administration of the log in memory. What it answers is always the newest state: there is no metadata to grow old. */
export class MemoryAdmin implements LogAdmin {
  private readonly broker: MemoryBroker;
  private readonly link: Link;
  private readonly clock: Clock;

  constructor(broker: MemoryBroker, link: Link, clock: Clock) {
    this.broker = broker;
    this.link = link;
    this.clock = clock;
  }

  describe(topics: readonly string[]): Promise<ReadonlyMap<string, TopicDescription>> {
    return this.ask("Metadata", { topics }, () => this.broker.topics.describe(topics));
  }

  list(): Promise<readonly string[]> {
    return this.ask("Metadata", {}, () => this.broker.topics.names());
  }

  create(topics: readonly TopicSpec[]): Promise<void> {
    return this.ask("CreateTopics", { topics }, () => this.broker.topics.create(topics));
  }

  addPartitions(topic: string, total: number): Promise<void> {
    return this.ask("CreatePartitions", { topic, total }, () => this.broker.topics.addPartitions(topic, total));
  }

  delete(topics: readonly string[]): Promise<void> {
    return this.ask("DeleteTopics", { topics }, () => this.broker.topics.delete(topics));
  }

  config(topic: string): Promise<ReadonlyMap<string, string>> {
    return this.ask("DescribeConfigs", { topic }, () => this.broker.topics.config(topic));
  }

  offsets(
    partitions: readonly TopicPartition[],
    at: "earliest" | "latest" | { readonly timestamp: number },
    isolation: Isolation,
  ): Promise<ReadonlyMap<string, number>> {
    return this.ask("ListOffsets", { partitions, at, isolation }, () => this.broker.offsets(partitions, at, isolation));
  }

  committed(
    groupId: string,
    partitions: readonly TopicPartition[],
    { requireStable, timeoutMs = retryLimitMs }: { readonly requireStable: boolean; readonly timeoutMs?: number },
  ): Promise<ReadonlyMap<string, CommittedOffset>> {
    const perform = () => this.broker.groups.committed(groupId, partitions, requireStable);
    return this.ask("OffsetFetch", { groupId, partitions, requireStable }, perform, timeoutMs);
  }

  commitOffsets(groupId: string, offsets: readonly CommittedOffset[], group?: GroupMetadata): Promise<void> {
    const perform = () => this.broker.commitOffsets(groupId, offsets, group ?? null);
    return retried(this.clock, retryLimitMs, () => this.link.request("OffsetCommit", { groupId, offsets, group }, perform));
  }

  deleteRecords(offsets: readonly FetchPosition[]): Promise<void> {
    return this.ask("DeleteRecords", { offsets }, () => this.broker.deleteRecords(offsets));
  }

  transactionStates(transactionalIds: readonly string[]): Promise<ReadonlyMap<string, "open" | "none" | "unknown">> {
    return this.ask(
      "DescribeTransactions",
      { transactionalIds },
      () => new Map(transactionalIds.map((id) => [id, this.broker.transactions.stateOf(id)])),
    );
  }

  brokers(): Promise<number> {
    return this.ask("Metadata", {}, () => this.broker.brokers);
  }

  private ask<T>(kind: RequestKind, detail: Readonly<Record<string, unknown>>, perform: () => T, limitMs = retryLimitMs): Promise<T> {
    return retried(this.clock, limitMs, () => this.link.request(kind, detail, perform), unlessUnknown);
  }
}
