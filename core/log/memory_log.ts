import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import { seededRandom } from "../time_source/seeded_random.ts";
import { directLink, type Link } from "./link.ts";
import { MemoryBroker } from "./memory_broker.ts";
import { MemoryClient } from "./memory_client.ts";
import type { CoordinatorKind, LeaderFault } from "./outages.ts";

export interface MemoryLogOptions {
  readonly clock: Clock;
  /** Where topic ids and member ids come from. @default a generator with a fixed seed */
  readonly random?: Random;
  /** @default 1 */
  readonly brokers?: number;
  /** 2: every end of a transaction begins a new epoch (KIP-890), as Kafka 4 does; 1: as before. @default 2 */
  readonly transactionVersion?: 1 | 2;
  /** transaction.max.timeout.ms. @default 900_000 */
  readonly transactionTimeoutMaxMs?: number;
  /** How often the broker looks for transactions that are open too long. @default 10_000 */
  readonly transactionCheckMs?: number;
  /** Asked for each partition and group when a transaction ends: after how many milliseconds its marker is written; 0 is at once. @default () => 0 */
  readonly markerDelayMs?: () => number;
  /** How long an empty group waits for more members (group.initial.rebalance.delay.ms; Kafka's default is 3 s). @default 0 */
  readonly initialRebalanceDelayMs?: number;
  /** group.min.session.timeout.ms. @default 6_000 */
  readonly sessionTimeoutMinMs?: number;
  /** group.max.session.timeout.ms. @default 1_800_000 */
  readonly sessionTimeoutMaxMs?: number;
  /**
   * A partition of a compacted topic compacts itself when so many bytes, and as many as it kept the last time, were appended; Infinity leaves it to `compact`.
   *
   * @default 16 MiB
   */
  readonly compactionBytes?: number;
}

/** A cluster in memory: what its clients share. */
export interface MemoryLog {
  /**
   * A client of its own.
   * @param link all its requests pass through it. Defaults to one that loses nothing and takes no time.
   * @param clock its pauses and heartbeats come by it. Defaults to that of the log.
   */
  connect(link?: Link, clock?: Clock): Log;
  /** Another broker becomes the coordinator of all groups, or of all transactions; for so long nobody can ask it. A group goes on from its last complete generation. */
  moveCoordinator(kind: CoordinatorKind, awayMs: number): void;
  /** A partition's leader cannot serve for a while: another one is being chosen, or too few replicas are in sync to write. */
  leaderAway(topic: string, partition: number, awayMs: number, fault?: LeaderFault): void;
  /** Compacts a topic now, if its cleanup.policy says compact. */
  compact(topic: string): void;
  /** Drops what topics keep no longer, by age and by size. Appending does so too; this is for topics to which nobody appends. */
  expire(): void;
  /** The names of all topics. */
  topics(): readonly string[];
  partitionsOf(topic: string): readonly number[];
  /** The end of a partition, whatever is still open there; 0 where there is none. */
  endOf(topic: string, partition: number): number;
  /** What all partitions hold at this moment, in bytes. */
  readonly bytes: number;
}

/**
 * The log in memory: partitions, transactions, groups and all their refusals as Kafka 4.1 has them, in one process and on any clock. It is what an embedded
 * application runs on, and what tests and simulations run on.
 *
 * @example
 * ```ts
 * import { VirtualClock } from "../time_source/virtual_clock.ts";
 * import { memoryLog } from "./memory_log.ts";
 *
 * const cluster = memoryLog({ clock: new VirtualClock() });
 * const log = cluster.connect();
 * await log.admin.create([{ topic: "payments", partitions: 4, replication: -1, config: {} }]);
 * ```
 */
export const memoryLog = (options: MemoryLogOptions): MemoryLog => {
  const random = options.random ?? seededRandom(0);
  const broker = new MemoryBroker({
    clock: options.clock,
    brokers: options.brokers ?? 1,
    transactionVersion: options.transactionVersion ?? 2,
    transactionTimeoutMaxMs: options.transactionTimeoutMaxMs ?? 900_000,
    transactionCheckMs: options.transactionCheckMs ?? 10_000,
    markerDelayMs: options.markerDelayMs ?? (() => 0),
    initialRebalanceDelayMs: options.initialRebalanceDelayMs ?? 0,
    sessionTimeoutMinMs: options.sessionTimeoutMinMs ?? 6_000,
    sessionTimeoutMaxMs: options.sessionTimeoutMaxMs ?? 1_800_000,
    compactionBytes: options.compactionBytes ?? 16 * 1_048_576,
    uuid: () => random.uuid(),
  });
  return {
    connect: (link = directLink, clock = options.clock) => new MemoryClient(broker, link, clock),
    moveCoordinator: (kind, awayMs) => broker.moveCoordinator(kind, awayMs),
    leaderAway: (topic, partition, awayMs, fault = "NOT_LEADER_OR_FOLLOWER") => broker.outages.leaderAway(topic, partition, awayMs, fault),
    compact: (topic) => {
      for (const partition of broker.topics.partitions(topic)) partition.compact();
    },
    expire: () => {
      for (const partition of broker.topics.all()) partition.expire(options.clock.now());
    },
    topics: () => broker.topics.names(),
    partitionsOf: (topic) => broker.topics.partitions(topic).map(({ partition }) => partition),
    endOf: (topic, partition) => broker.topics.find(topic, partition)?.highWatermark ?? 0,
    get bytes() {
      return broker.topics.all().reduce((sum, partition) => sum + partition.bytes, 0);
    },
  };
};
