import { type CommittedOffset, type GroupMetadata, LogError, type ProducerEpoch, type TopicPartition } from "../../core/ports/log.ts";
import type { BrokerConnection } from "./broker_connection.ts";
import type { Cluster } from "./cluster.ts";
import type { ConnectionSet } from "./connection_set.ts";
import { api, type WireRequest } from "./request.ts";
import type { CoordinatorKind } from "./requests/find_coordinator.ts";
import { produceVersion2 } from "./requests/produce.ts";
import { describeConfigs } from "./requests/topics.ts";
import {
  addOffsetsToTxn,
  addPartitionsToTxn,
  endTxn,
  endTxnVersion2,
  initProducerId,
  txnOffsetCommit,
  txnOffsetCommitVersion2,
} from "./requests/transactions.ts";
import { isRetriable, isRetriableOrIndefinite, retry } from "./retry.ts";

/**
 * The transaction protocol of the brokers: the first one announces partitions and groups before they are written to and keeps an epoch through many
 * transactions; the second one (KIP-890) does without the announcements, and every end of a transaction begins the next epoch, so that a late request can never
 * touch a later transaction.
 */
export type TransactionProtocol = 1 | 2;

/** Talks with the coordinators of one transactional id. Definite refusals that may pass are retried; an unknown outcome never is, except where repeating is harmless. */
export class TransactionCoordinator {
  readonly #cluster: Cluster;
  readonly #connections: ConnectionSet;
  readonly #transactionalId: string;
  #protocol: TransactionProtocol = 1;

  constructor(cluster: Cluster, connections: ConnectionSet, transactionalId: string) {
    this.#cluster = cluster;
    this.#connections = connections;
    this.#transactionalId = transactionalId;
  }

  get protocol(): TransactionProtocol {
    return this.#protocol;
  }

  /** Opens an epoch. May be repeated after an unknown outcome: it only begins one more epoch. */
  async open(transactionTimeoutMs: number, newestProtocol: TransactionProtocol): Promise<ProducerEpoch> {
    const id = this.#transactionalId;
    try {
      return await this.#ask(
        "transaction",
        id,
        (connection) => {
          this.#protocol = newestProtocol === 2 && speaksSecondProtocol(connection) ? 2 : 1;
          return initProducerId(id, transactionTimeoutMs);
        },
        true,
      );
    } catch (thrown) {
      if (!(thrown instanceof LogError) || thrown.code !== "INVALID_TRANSACTION_TIMEOUT") throw thrown;
      const limit = await this.#transactionTimeoutLimit();
      throw new LogError(
        thrown.code,
        thrown.disposition,
        `Cannot open transactional id '${id}' with a transaction timeout of ${transactionTimeoutMs} ms as the broker's 'transaction.max.timeout.ms' is ${limit}: lower the one or raise the other`,
        { cause: thrown },
      );
    }
  }

  async addPartitions(epoch: ProducerEpoch, partitions: readonly TopicPartition[]): Promise<void> {
    await this.#ask("transaction", this.#transactionalId, () => addPartitionsToTxn(this.#transactionalId, epoch, partitions));
  }

  /** Announces that the transaction carries offsets of the group. */
  async addGroup(epoch: ProducerEpoch, groupId: string): Promise<void> {
    await this.#ask("transaction", this.#transactionalId, () => addOffsetsToTxn(this.#transactionalId, epoch, groupId));
  }

  async commitOffsets(epoch: ProducerEpoch, group: GroupMetadata, offsets: readonly CommittedOffset[]): Promise<void> {
    const version = this.#protocol === 2 ? txnOffsetCommitVersion2 : api.txnOffsetCommit.version;
    await this.#ask("group", group.groupId, () => txnOffsetCommit(this.#transactionalId, epoch, group, offsets, version));
  }

  /** Ends the transaction and gives the epoch of the next one. */
  async end(epoch: ProducerEpoch, commit: boolean): Promise<ProducerEpoch> {
    const id = this.#transactionalId;
    const version = this.#protocol === 2 ? endTxnVersion2 : api.endTxn.version;
    try {
      return await this.#ask("transaction", id, () => endTxn(id, epoch, commit, version));
    } catch (thrown) {
      // The second protocol does not fence a producer whose transaction took too long: it only says that there is nothing left to commit.
      if (!commit || version === api.endTxn.version || !(thrown instanceof LogError) || thrown.code !== "INVALID_TXN_STATE") throw thrown;
      const message = `Cannot commit the transaction of '${id}' as the broker has ended it: commit more often, or raise the transaction timeout`;
      throw new LogError("INVALID_PRODUCER_EPOCH", "fenced", message, { cause: thrown });
    }
  }

  #ask<Answer>(
    kind: CoordinatorKind,
    key: string,
    request: (connection: BrokerConnection) => WireRequest<Answer>,
    repeatable = false,
  ): Promise<Answer> {
    return retry(
      async () => {
        const node = await lookUp(() => this.#cluster.coordinator(kind, key));
        const connection = await this.#connections.to(node, kind);
        return connection.send(request(connection));
      },
      {
        clock: this.#cluster.clock,
        forMs: repeatable ? openForMs : this.#cluster.options.retryForMs,
        // The transaction before is completed within milliseconds.
        pauseMs: 1,
        pauseMaxMs: 50,
        again: repeatable ? isRetriableOrIndefinite : isRetriable,
        beforeRetry: (error) => {
          if (error.code !== "CONCURRENT_TRANSACTIONS" && error.code !== "COORDINATOR_LOAD_IN_PROGRESS")
            this.#cluster.forgetCoordinator(kind, key);
        },
      },
    );
  }

  async #transactionTimeoutLimit(): Promise<string> {
    try {
      const node = await this.#cluster.coordinator("transaction", this.#transactionalId);
      const connection = await this.#connections.to(node, "transaction");
      const { config } = await connection.send(describeConfigs("broker", String(node)));
      return `${config.get("transaction.max.timeout.ms") ?? "lower"} ms`;
    } catch {
      return "lower";
    }
  }
}

/** Whether the cluster has the second protocol switched on, and this broker speaks it. */
const speaksSecondProtocol = (connection: BrokerConnection): boolean =>
  connection.feature("transaction.version") >= 2 &&
  connection.speaks(api.produce, produceVersion2) &&
  connection.speaks(api.txnOffsetCommit, txnOffsetCommitVersion2) &&
  connection.speaks(api.endTxn, endTxnVersion2);

/** Asking who coordinates changes nothing: an unknown outcome of it is none of the transaction's. */
const lookUp = async (work: () => Promise<number>): Promise<number> => {
  try {
    return await work();
  } catch (thrown) {
    if (thrown instanceof LogError && thrown.disposition === "indefinite")
      throw new LogError(thrown.code, "retriable", thrown.message, { cause: thrown });
    throw thrown;
  }
};

/** How long to wait for older transactions of the id to end. */
const openForMs = 60_000;
