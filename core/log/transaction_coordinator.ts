import type { Clock, Timeout } from "../ports/clock.ts";
import { logError } from "./disposition.ts";
import type { PartitionLog } from "./partition_log.ts";
import type { Marker } from "./record_batch.ts";

type TransactionState = "empty" | "ongoing" | "prepare-commit" | "prepare-abort" | "complete-commit" | "complete-abort";

/** A producer's id and epoch as requests carry them. */
export interface ProducerIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
}

/** Who speaks in a transactional request. */
export interface TransactionalIdentity extends ProducerIdentity {
  readonly transactionalId: string;
}

export interface CoordinatorOptions {
  readonly clock: Clock;
  /** 2 is the protocol of KIP-890, in which every end begins a new epoch; 1 the one before. */
  readonly transactionVersion: 1 | 2;
  readonly transactionTimeoutMaxMs: number;
  readonly transactionCheckMs: number;
  /** How long the marker of one partition takes after the end of a transaction was decided; 0 writes it at once. */
  readonly markerDelayMs: () => number;
  /** Throws while another broker takes the coordinator's place. @default never */
  readonly present?: () => void;
  /** Tells a group that a transaction with offsets for it has ended. */
  readonly endInGroup: (groupId: string, producerId: number, marker: Marker) => void;
}

interface Transaction {
  readonly transactionalId: string;
  producerId: number;
  epoch: number;
  /** Whom the last end answered to; in protocol 2 a repetition of that request still carries it. */
  endedBy: ProducerIdentity | null;
  state: TransactionState;
  timeoutMs: number;
  startedMs: number;
  partitions: Set<PartitionLog>;
  groups: Set<string>;
  markersLeft: number;
}

/** The epoch is a signed 16-bit number; Kafka keeps the last one for fencing. */
const lastEpoch = 32_766;

/** Producer ids, epochs, and the life of every transactional id: begun, decided, ended. */
export class TransactionCoordinator {
  private readonly options: CoordinatorOptions;
  private readonly transactions = new Map<string, Transaction>();
  private readonly ongoing = new Set<Transaction>();
  private check: Timeout | null = null;
  private producerIds = 1_000;

  constructor(options: CoordinatorOptions) {
    this.options = options;
  }

  /**
   * A new epoch, or for null a new producer id. An open transaction of the same id is aborted first; as long as it or an earlier one is ending, the answer is
   * CONCURRENT_TRANSACTIONS.
   */
  initProducerId(transactionalId: string | null, timeoutMs: number): ProducerIdentity {
    if (transactionalId === null) return { producerId: this.producerIds++, producerEpoch: 0 };
    this.options.present?.();
    if (!(timeoutMs > 0 && timeoutMs <= this.options.transactionTimeoutMaxMs))
      throw logError(
        "INVALID_TRANSACTION_TIMEOUT",
        `A transaction timeout of ${timeoutMs} ms is not allowed: it has to be above 0 and at most transaction.max.timeout.ms = ${this.options.transactionTimeoutMaxMs}`,
      );
    let transaction = this.transactions.get(transactionalId);
    if (transaction === undefined) {
      transaction = {
        transactionalId,
        producerId: this.producerIds++,
        epoch: -1,
        endedBy: null,
        state: "empty",
        timeoutMs,
        startedMs: 0,
        partitions: new Set(),
        groups: new Set(),
        markersLeft: 0,
      };
      this.transactions.set(transactionalId, transaction);
    }
    if (transaction.state === "ongoing") this.fence(transaction);
    this.refuseWhileEnding(transaction);
    transaction.timeoutMs = timeoutMs;
    transaction.endedBy = null;
    this.bump(transaction);
    return { producerId: transaction.producerId, producerEpoch: transaction.epoch };
  }

  /** Whether an id has a transaction that nobody has decided yet; "unknown" for an id that nobody has opened. */
  stateOf(transactionalId: string): "open" | "none" | "unknown" {
    this.options.present?.();
    const transaction = this.transactions.get(transactionalId);
    return transaction === undefined ? "unknown" : transaction.state === "ongoing" ? "open" : "none";
  }

  addPartitions(who: TransactionalIdentity, partitions: readonly PartitionLog[]): void {
    const transaction = this.enter(who);
    for (const partition of partitions) transaction.partitions.add(partition);
  }

  addGroup(who: TransactionalIdentity, groupId: string): void {
    this.enter(who).groups.add(groupId);
  }

  /** What a partition's leader asks before it lets a producer begin a transaction there, so that nothing is left open for ever. */
  verify(who: TransactionalIdentity, partition: PartitionLog): void {
    const transaction = this.known(who);
    if (transaction.state !== "ongoing" || !transaction.partitions.has(partition))
      throw logError(
        "INVALID_TXN_STATE",
        `Partition ${partition.topic}/${partition.partition} is not part of an open transaction of '${who.transactionalId}': open a new epoch`,
      );
  }

  /** The same for the offsets of a group. */
  verifyGroup(who: TransactionalIdentity, groupId: string): void {
    const transaction = this.known(who);
    if (transaction.state !== "ongoing" || !transaction.groups.has(groupId))
      throw logError(
        "INVALID_TXN_STATE",
        `Group '${groupId}' is not part of an open transaction of '${who.transactionalId}': open a new epoch`,
      );
  }

  /** Decides a transaction. The answer comes when that is certain, perhaps before the markers are written; it carries the epoch to go on with. */
  end(who: TransactionalIdentity, marker: Marker): ProducerIdentity {
    this.options.present?.();
    const transaction = this.transactions.get(who.transactionalId);
    if (transaction === undefined) throw unknownMapping(who);
    const repeated = transaction.endedBy?.producerId === who.producerId && transaction.endedBy.producerEpoch === who.producerEpoch;
    if (!repeated) {
      if (transaction.producerId !== who.producerId) throw unknownMapping(who);
      if (transaction.epoch !== who.producerEpoch)
        throw logError(
          this.options.transactionVersion === 2 ? "PRODUCER_FENCED" : "INVALID_PRODUCER_EPOCH",
          `'${who.transactionalId}' has gone on to epoch ${transaction.epoch}; epoch ${who.producerEpoch} can end nothing any more`,
        );
    }
    this.decide(transaction, who, marker, repeated);
    return { producerId: transaction.producerId, producerEpoch: transaction.epoch };
  }

  private decide(transaction: Transaction, who: TransactionalIdentity, marker: Marker, repeated: boolean): void {
    const { state } = transaction;
    if (state === "ongoing" && !repeated) {
      this.prepare(transaction, marker);
      transaction.endedBy = this.options.transactionVersion === 2 ? who : null;
      return;
    }
    if (state === `prepare-${marker}`) throw stillEnding(transaction);
    const answered = repeated || this.options.transactionVersion === 1;
    if (state === `complete-${marker}` && answered) return;
    // In protocol 2 a producer may abort what it never began: it cannot know whether a send arrived.
    if (
      this.options.transactionVersion === 2 &&
      marker === "abort" &&
      !repeated &&
      ["empty", "complete-abort", "complete-commit"].includes(state)
    ) {
      this.prepare(transaction, marker);
      transaction.endedBy = who;
      return;
    }
    throw logError(
      "INVALID_TXN_STATE",
      `The transaction of '${transaction.transactionalId}' is ${state} and cannot ${marker}: open a new epoch`,
    );
  }

  /**
   * Ends an open transaction in the name of nobody: its producer finds itself in an epoch that is over. In protocol 2 it looks as if that producer had aborted, so
   * that it may still do so, as long as no other one has opened the id.
   */
  private fence(transaction: Transaction): void {
    const before: ProducerIdentity = { producerId: transaction.producerId, producerEpoch: transaction.epoch };
    // One above the last epoch is kept for this; the next producer then gets another id.
    if (this.options.transactionVersion === 1) transaction.epoch++;
    this.prepare(transaction, "abort");
    transaction.endedBy = this.options.transactionVersion === 2 ? before : null;
  }

  private prepare(transaction: Transaction, marker: Marker): void {
    transaction.state = `prepare-${marker}`;
    this.ongoing.delete(transaction);
    if (this.ongoing.size === 0) this.stopChecking();
    const { producerId } = transaction;
    if (this.options.transactionVersion === 2) this.bump(transaction);
    // A new producer id begins with a new epoch; the markers of the old one close the last epoch it had.
    const epoch = transaction.producerId === producerId ? transaction.epoch : lastEpoch + 1;
    const { partitions, groups } = transaction;
    transaction.partitions = new Set();
    transaction.groups = new Set();
    transaction.markersLeft = partitions.size + groups.size;
    if (transaction.markersLeft === 0) transaction.state = `complete-${marker}`;
    const written = (): void => {
      if (--transaction.markersLeft === 0) transaction.state = `complete-${marker}`;
    };
    for (const partition of partitions)
      this.later(() => {
        partition.appendMarker(producerId, epoch, marker);
        written();
      });
    for (const groupId of groups)
      this.later(() => {
        this.options.endInGroup(groupId, producerId, marker);
        written();
      });
  }

  private later(write: () => void): void {
    const delayMs = this.options.markerDelayMs();
    if (delayMs > 0) this.options.clock.after(delayMs, write);
    else write();
  }

  /** Finds the transaction of who speaks, and begins it where none is open. */
  private enter(who: TransactionalIdentity): Transaction {
    const transaction = this.known(who);
    this.refuseWhileEnding(transaction);
    if (transaction.state !== "ongoing") {
      transaction.state = "ongoing";
      transaction.endedBy = null;
      transaction.startedMs = this.options.clock.monotonic();
      this.ongoing.add(transaction);
      this.startChecking();
    }
    return transaction;
  }

  private known(who: TransactionalIdentity): Transaction {
    this.options.present?.();
    const transaction = this.transactions.get(who.transactionalId);
    if (transaction === undefined || transaction.producerId !== who.producerId) throw unknownMapping(who);
    if (transaction.epoch !== who.producerEpoch)
      throw logError(
        "INVALID_PRODUCER_EPOCH",
        `'${who.transactionalId}' has gone on to epoch ${transaction.epoch}; epoch ${who.producerEpoch} can add nothing any more`,
      );
    return transaction;
  }

  private refuseWhileEnding(transaction: Transaction): void {
    if (transaction.state.startsWith("prepare")) throw stillEnding(transaction);
  }

  private bump(transaction: Transaction): void {
    if (transaction.epoch >= lastEpoch) {
      transaction.producerId = this.producerIds++;
      transaction.epoch = 0;
    } else transaction.epoch++;
  }

  /** The broker looks for transactions that are open too long only now and then, so they end some time after their timeout. */
  private startChecking(): void {
    if (this.check !== null) return;
    this.check = this.options.clock.after(this.options.transactionCheckMs, () => {
      this.check = null;
      const now = this.options.clock.monotonic();
      for (const transaction of [...this.ongoing]) if (now - transaction.startedMs > transaction.timeoutMs) this.fence(transaction);
      if (this.ongoing.size > 0) this.startChecking();
    });
  }

  private stopChecking(): void {
    this.check?.cancel();
    this.check = null;
  }
}

const unknownMapping = (who: TransactionalIdentity) =>
  logError("INVALID_PRODUCER_ID_MAPPING", `'${who.transactionalId}' does not belong to producer ${who.producerId}: open a new epoch`);

const stillEnding = (transaction: Transaction) =>
  logError("CONCURRENT_TRANSACTIONS", `The last transaction of '${transaction.transactionalId}' is still ending: try again`);
