/**
 * The log that the engine stands on: partitioned topics, transactions and consumer groups with Kafka's semantics. Two drivers implement it, one in memory
 * and one on Kafka; one conformance suite checks both. Partitions are always explicit: a driver never chooses one.
 */
export interface Log {
  /** Reads exact partitions from exact positions, without a group. */
  fetcher(options: FetcherOptions): Fetcher;
  /** An empty outbox in the driver's own form. */
  outbox(): Outbox;
  /** How many bytes a batch with this record alone has when it is sent, which a topic's `max.message.bytes` limits. Only a log that compresses has this: others send as many as core/record_bytes.ts says. */
  compressedBytes?(key: Uint8Array | null, value: Uint8Array | null, headers: RawHeaders): number;
  /** How many bytes all partitions of a topic hold; 0 where there is none. Only a log has this that keeps them in the memory of this process. */
  heldBytes?(topic: string): number;
  /**
   * Opens an epoch (InitProducerId): resolves only when every older transaction of this id has ended, and fences every older holder of the id.
   * Without an id the producer is idempotent but not transactional: `send` is then visible at once.
   */
  producer(options: ProducerOptions): Promise<Producer>;
  /** Joins a consumer group and stays a member until `leave`. */
  join(options: GroupOptions): GroupMember;
  readonly admin: LogAdmin;
  close(): Promise<void>;
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** The name under which maps hold a partition. */
export const partitionId = (topic: string, partition: number): string => `${topic}/${partition}`;

export type RawHeaders = readonly (readonly [name: string, value: Uint8Array | null])[];
export const noHeaders: RawHeaders = [];

// ---------------------------------------------------------------- reading

export type Isolation = "read-committed" | "read-uncommitted";

export interface FetcherOptions {
  readonly isolation: Isolation;
  /** Upper bound of what one poll gives for one partition; at least one record comes even when it is larger. */
  readonly partitionBytes?: number;
  /** Upper bound of what one poll gives altogether, with the same exception. */
  readonly totalBytes?: number;
}

export interface FetchPosition extends TopicPartition {
  readonly offset: number;
  /** Upper bound of what a poll gives for this partition, where it is less than the fetcher's `partitionBytes`. */
  readonly bytesMax?: number;
}

export interface Fetcher {
  /**
   * Gives what has arrived for the wanted partitions, each from its offset on; an empty array after `maxWaitMs` without news. A partition whose position moved
   * only past aborted or control records is reported, with a cursor that is empty and a `nextOffset` that is not.
   * Only one poll may be under way. Data that was on its way for another offset than the one wanted now is never given.
   */
  poll(positions: readonly FetchPosition[], maxWaitMs: number): Promise<readonly Fetched[]>;
  /** Makes a pending poll return at once, with what there is. */
  wake(): void;
  /** Bytes that have arrived and were not given yet; absent where nothing is kept. */
  readonly keptBytes?: number;
  close(): Promise<void>;
}

export interface Fetched extends TopicPartition {
  /** The position that was asked for. */
  readonly offset: number;
  /** An error of this partition alone; the cursor is then empty. OFFSET_OUT_OF_RANGE, UNKNOWN_TOPIC_OR_PARTITION, TOPIC_AUTHORIZATION_FAILED, CORRUPT_MESSAGE. */
  readonly error?: LogError;
  readonly records: RecordCursor;
  /** Where to go on: after the last record, the filtered ones included. Position, never "last record", decides where a restore or an input ends. */
  readonly nextOffset: number;
  readonly lastStableOffset: number;
  readonly highWatermark: number;
  readonly logStartOffset: number;
  readonly bytes: number;
}

/**
 * Walks the visible records of one fetched partition. The fields are those of the current record and change with `next()`. Key and value may be views of a larger
 * buffer: who keeps them copies them.
 */
export interface RecordCursor {
  /** Steps to the next record; false at the end. Throws LogError CORRUPT_MESSAGE when the bytes do not hold together. */
  next(): boolean;
  readonly offset: number;
  /** -1 where the record has none. */
  readonly timestamp: number;
  key(): Uint8Array | null;
  value(): Uint8Array | null;
  headers(): RawHeaders;
  /** Bytes that the current record's batch takes beside what was fetched, since it had to be unpacked; absent where nothing is compressed. */
  readonly unpackedBytes?: number;
  /** Key and value where they lie, for who reads them there: an array of its own for each costs more than reading most of them. A start of -1 stands for null. */
  readonly bytes: Uint8Array;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

// ---------------------------------------------------------------- writing

/** Records on their way out, in the order they were appended; encoded as they are appended, so key and value may be reused by the caller. */
export interface Outbox {
  append(topic: string, partition: number, key: Uint8Array | null, value: Uint8Array | null, timestamp: number, headers: RawHeaders): void;
  readonly records: number;
  readonly bytes: number;
}

export interface ProducerOptions {
  readonly transactionalId: string | null;
  /** How long the broker lets a transaction stay open. CONFIGURATION when the broker allows less. */
  readonly transactionTimeoutMs: number;
}

export interface ProducerEpoch {
  readonly producerId: bigint;
  readonly epoch: number;
}

/** First offset of what went to a partition in one `send`, by `partitionId`. Records of one send and partition have consecutive offsets. */
export type BaseOffsets = ReadonlyMap<string, number>;

/**
 * One epoch. A transaction begins with the first `send` or `sendOffsets` after the last end. Calls of one producer do not overlap, except that `sendOffsets` may run
 * beside `send`. After an error whose disposition is not "retriable" the epoch is to be given up: open a new one with the same id.
 */
export interface Producer {
  readonly epoch: ProducerEpoch;
  /** The outbox is empty afterwards; after an error it holds what it held, though some of its partitions may have been written. */
  send(outbox: Outbox): Promise<BaseOffsets>;
  /** Offsets become visible with the transaction. Refused (disposition "membership") when group, member or generation are not the current ones. Only with a transactional id. */
  sendOffsets(group: GroupMetadata, offsets: readonly CommittedOffset[]): Promise<void>;
  /** Without anything sent since the last end this sends nothing. */
  commit(): Promise<void>;
  abort(): Promise<void>;
  /** Lets go of connections; an open transaction stays open until fenced or timed out. */
  close(): Promise<void>;
}

// ---------------------------------------------------------------- groups

export interface GroupMetadata {
  readonly groupId: string;
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
}

export interface CommittedOffset extends TopicPartition {
  readonly offset: number;
  /** At most 4096 bytes of UTF-8, broker's limit; the engine keeps it under 1 KiB. */
  readonly metadata: string;
}

export interface MemberSubscription {
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  readonly userData: Uint8Array;
}

export interface MemberAssignment {
  readonly partitions: readonly TopicPartition[];
  readonly userData: Uint8Array;
}

export interface GroupOptions {
  readonly groupId: string;
  readonly groupInstanceId?: string | null;
  /** Names that this member can speak, best first; the group uses the best one that all know. */
  readonly protocols: readonly string[];
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly heartbeatMs: number;
  /** Asked at every join: what this member tells the leader. At most 64 KiB. */
  subscription(): Uint8Array;
  /** Asked of the leader only: who gets what. Every member must be in the answer. */
  assign(members: readonly MemberSubscription[]): ReadonlyMap<string, MemberAssignment> | Promise<ReadonlyMap<string, MemberAssignment>>;
  /**
   * "rejoin": the group rebalances; what the member holds is still its own until the promise resolves, which is awaited before JoinGroup goes out. Commits of
   * the old generation are accepted until then. "lost": the member was expelled; nothing may be committed any more.
   */
  onRebalance(reason: "rejoin" | "lost"): Promise<void>;
  /** A new generation began. Heartbeats go on while the promise is pending. */
  onAssigned(assignment: MemberAssignment, group: GroupMetadata): Promise<void>;
  /** Membership cannot go on: authorization, a protocol that other members do not speak, FENCED_INSTANCE_ID. Passing faults of the network are retried instead. */
  onError(error: LogError): void;
}

export interface GroupMember {
  /** Of the generation last joined; generation -1 before the first. */
  readonly metadata: GroupMetadata;
  /** Asks the group to rebalance, for instance because this member's user data changed. */
  requestRejoin(): void;
  /** Asks the group at once whether it rebalances, instead of with the next heartbeat. */
  checkIn(): void;
  /** Leaves and resolves when the group knows; no callback comes afterwards. */
  leave(): Promise<void>;
  /** Stops without leaving: the group finds out by session timeout. What a crash looks like. */
  abandon(): void;
}

// ---------------------------------------------------------------- admin

export interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  /** -1 is the broker's default. */
  readonly replication: number;
  readonly config: Readonly<Record<string, string>>;
}

export interface TopicDescription {
  readonly topic: string;
  /** Changes when a topic is deleted and created again; empty where the broker is too old to say. */
  readonly topicId: string;
  readonly partitions: number;
}

export interface LogAdmin {
  /** A topic that does not exist is left out. */
  describe(topics: readonly string[]): Promise<ReadonlyMap<string, TopicDescription>>;
  list(): Promise<readonly string[]>;
  /** Resolves when every partition has a leader. A topic that exists is left as it is: no error. */
  create(topics: readonly TopicSpec[]): Promise<void>;
  addPartitions(topic: string, total: number): Promise<void>;
  delete(topics: readonly string[]): Promise<void>;
  config(topic: string): Promise<ReadonlyMap<string, string>>;
  /** "latest": the high watermark, or the last stable offset when read-committed. A timestamp: the first offset whose record is not older, else the end. */
  offsets(
    partitions: readonly TopicPartition[],
    at: "earliest" | "latest" | { readonly timestamp: number },
    isolation: Isolation,
  ): Promise<ReadonlyMap<string, number>>;
  /**
   * What the group has committed, by `partitionId`; a partition without a commit is left out. With `requireStable` it waits (retrying for at most `timeoutMs`)
   * until no transaction holds an offset back, then fails with UNSTABLE_OFFSET_COMMIT.
   */
  committed(
    groupId: string,
    partitions: readonly TopicPartition[],
    options: { readonly requireStable: boolean; readonly timeoutMs?: number },
  ): Promise<ReadonlyMap<string, CommittedOffset>>;
  /** Commits outside a transaction; with `group` it is refused when the generation is old. */
  commitOffsets(groupId: string, offsets: readonly CommittedOffset[], group?: GroupMetadata): Promise<void>;
  /** Whether these transactional ids have a transaction open; "unknown" where the broker does not know the id or cannot say. */
  transactionStates(transactionalIds: readonly string[]): Promise<ReadonlyMap<string, "open" | "none" | "unknown">>;
  /** Moves the log start up to `offset`. */
  deleteRecords(offsets: readonly FetchPosition[]): Promise<void>;
  brokers(): Promise<number>;
}

// ---------------------------------------------------------------- errors

/**
 * What the caller can do.
 * - "retriable": definitely not done; do it again. Drivers retry these themselves for a while.
 * - "fenced": another holder of the transactional id, or the broker's timeout, ended this epoch.
 * - "epoch": the broker and this producer disagree about sequences; open a new epoch.
 * - "membership": group, member or generation are not the current ones.
 * - "indefinite": it may or may not have happened (time-out, closed connection).
 * - "rejected": definitely refused, and will be again (record too large, invalid timestamp).
 * - "configuration": authorization, unsupported version, wrong address, timeout above the broker's limit.
 */
export type Disposition = "retriable" | "fenced" | "epoch" | "membership" | "indefinite" | "rejected" | "configuration";

/** Kafka's own names where Kafka has one. */
export type LogErrorCode =
  | "INVALID_PRODUCER_EPOCH"
  | "PRODUCER_FENCED"
  | "INVALID_PRODUCER_ID_MAPPING"
  | "UNKNOWN_PRODUCER_ID"
  | "OUT_OF_ORDER_SEQUENCE_NUMBER"
  | "DUPLICATE_SEQUENCE_NUMBER"
  | "INVALID_TXN_STATE"
  | "ILLEGAL_GENERATION"
  | "UNKNOWN_MEMBER_ID"
  | "FENCED_INSTANCE_ID"
  | "REBALANCE_IN_PROGRESS"
  | "UNSTABLE_OFFSET_COMMIT"
  | "CONCURRENT_TRANSACTIONS"
  | "COORDINATOR_LOAD_IN_PROGRESS"
  | "COORDINATOR_NOT_AVAILABLE"
  | "NOT_COORDINATOR"
  | "LEADER_NOT_AVAILABLE"
  | "NOT_LEADER_OR_FOLLOWER"
  | "REQUEST_TIMED_OUT"
  | "NOT_ENOUGH_REPLICAS"
  | "CONNECTION_CLOSED"
  | "OFFSET_OUT_OF_RANGE"
  | "UNKNOWN_TOPIC_OR_PARTITION"
  | "CORRUPT_MESSAGE"
  | "UNSUPPORTED_COMPRESSION_TYPE"
  | "MESSAGE_TOO_LARGE"
  | "RECORD_LIST_TOO_LARGE"
  | "INVALID_TIMESTAMP"
  | "INVALID_RECORD"
  | "OFFSET_METADATA_TOO_LARGE"
  | "TOPIC_AUTHORIZATION_FAILED"
  | "GROUP_AUTHORIZATION_FAILED"
  | "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"
  | "CLUSTER_AUTHORIZATION_FAILED"
  | "SASL_AUTHENTICATION_FAILED"
  | "TLS_FAILED"
  | "BROKER_UNREACHABLE"
  | "UNSUPPORTED_VERSION"
  | "INVALID_TRANSACTION_TIMEOUT"
  | "INCONSISTENT_GROUP_PROTOCOL"
  | "INVALID_PARTITIONS"
  | "INVALID_TOPIC"
  | "INVALID_CONFIG"
  | "POLICY_VIOLATION"
  | "CLOSED"
  | "UNKNOWN";

export interface LogErrorOptions {
  readonly topic?: string | undefined;
  readonly partition?: number | undefined;
  readonly offset?: number | undefined;
  readonly cause?: unknown;
}

/** A failure of the log. The engine decides by `disposition`, a person reads the message. */
export class LogError extends Error {
  override readonly name = "LogError";
  readonly code: LogErrorCode;
  readonly disposition: Disposition;
  readonly topic: string | undefined;
  readonly partition: number | undefined;
  readonly offset: number | undefined;

  constructor(code: LogErrorCode, disposition: Disposition, message: string, options: LogErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.disposition = disposition;
    this.topic = options.topic;
    this.partition = options.partition;
    this.offset = options.offset;
  }
}
