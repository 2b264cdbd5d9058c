import {
  type BaseOffsets,
  type CommittedOffset,
  type GroupMetadata,
  LogError,
  type Outbox,
  type Producer,
  type ProducerEpoch,
  type ProducerOptions,
  partitionId,
  type TopicPartition,
} from "../../core/ports/log.ts";
import type { BatchLimits } from "./batch_limits.ts";
import type { BufferPool } from "./buffer_pool.ts";
import type { Cluster } from "./cluster.ts";
import type { Compressor, Decompress } from "./compression.ts";
import type { ConnectionSet } from "./connection_set.ts";
import { Delivery, type DeliveryContext } from "./delivery.ts";
import { KafkaOutbox, type PartitionBatches } from "./kafka_outbox.ts";
import { api } from "./request.ts";
import { produceVersion2 } from "./requests/produce.ts";
import { initProducerId } from "./requests/transactions.ts";
import { isRetriableOrIndefinite, retry } from "./retry.ts";
import { splitBatch } from "./split_batch.ts";
import { TransactionCoordinator, type TransactionProtocol } from "./transaction_coordinator.ts";

export interface ProducerSettings {
  readonly pool: BufferPool;
  readonly limits: BatchLimits;
  readonly compressor: Compressor | undefined;
  readonly decompress: Decompress;
  readonly transactionProtocol: TransactionProtocol;
}

/**
 * One epoch of a producer. After an error that leaves a doubt about what the broker has done, every further call fails with that error: the epoch must never be used
 * again, since a late request of it could end a later transaction.
 */
export class KafkaProducer implements Producer {
  readonly #cluster: Cluster;
  readonly #settings: ProducerSettings;
  readonly #transactionalId: string | null;
  readonly #coordinator: TransactionCoordinator | undefined;
  readonly #connections: ConnectionSet;
  #delivering: ConnectionSet;
  #epoch: ProducerEpoch;
  readonly #sequences = new Map<string, number>();
  readonly #announced = new Set<string>();
  readonly #announcedGroups = new Set<string>();
  #inTransaction = false;
  /** Why the epoch has to be given up. */
  #broken: LogError | undefined;
  /** Why the transaction can only be aborted. */
  #refused: LogError | undefined;

  static async open(cluster: Cluster, options: ProducerOptions, settings: ProducerSettings): Promise<KafkaProducer> {
    const connections = cluster.connections();
    const { transactionalId, transactionTimeoutMs } = options;
    try {
      if (transactionalId === null) {
        const epoch = await retry(() => cluster.ask(initProducerId(null, transactionTimeoutMs)), {
          clock: cluster.clock,
          forMs: cluster.options.retryForMs,
          again: isRetriableOrIndefinite,
        });
        return new KafkaProducer(cluster, settings, connections, null, undefined, epoch);
      }
      const coordinator = new TransactionCoordinator(cluster, connections, transactionalId);
      const epoch = await coordinator.open(transactionTimeoutMs, settings.transactionProtocol);
      return new KafkaProducer(cluster, settings, connections, transactionalId, coordinator, epoch);
    } catch (thrown) {
      cluster.release(connections);
      throw thrown;
    }
  }

  private constructor(
    cluster: Cluster,
    settings: ProducerSettings,
    connections: ConnectionSet,
    transactionalId: string | null,
    coordinator: TransactionCoordinator | undefined,
    epoch: ProducerEpoch,
  ) {
    this.#cluster = cluster;
    this.#settings = settings;
    this.#connections = connections;
    this.#transactionalId = transactionalId;
    this.#coordinator = coordinator;
    this.#epoch = epoch;
    this.#delivering = cluster.connections();
  }

  get epoch(): ProducerEpoch {
    return this.#epoch;
  }

  async send(outbox: Outbox): Promise<BaseOffsets> {
    if (!(outbox instanceof KafkaOutbox)) {
      throw new LogError("UNKNOWN", "rejected", "Cannot send an outbox of another log: take it from the log that made this producer");
    }
    this.#checkUsable();
    if (outbox.records === 0) return new Map();
    const { partitions } = outbox;
    try {
      await this.#compress(partitions);
      if (this.#coordinator !== undefined) {
        this.#inTransaction = true;
        if (this.#coordinator.protocol === 1) await this.#announce(this.#coordinator, partitions);
      }
      const bases = await new Delivery(this.#deliveryContext(), partitions).run();
      outbox.clear();
      return bases;
    } catch (thrown) {
      throw this.#giveUp(thrown);
    }
  }

  async sendOffsets(group: GroupMetadata, offsets: readonly CommittedOffset[]): Promise<void> {
    const coordinator = this.#coordinator;
    if (coordinator === undefined) {
      throw new LogError("INVALID_TXN_STATE", "rejected", "Cannot send offsets without a transactional id: use admin.commitOffsets");
    }
    this.#checkUsable();
    if (offsets.length === 0) return;
    this.#inTransaction = true;
    try {
      if (coordinator.protocol === 1 && !this.#announcedGroups.has(group.groupId)) {
        await coordinator.addGroup(this.#epoch, group.groupId);
        this.#announcedGroups.add(group.groupId);
      }
      await coordinator.commitOffsets(this.#epoch, group, offsets);
    } catch (thrown) {
      if (thrown instanceof LogError && thrown.code !== "UNKNOWN" && definite.has(thrown.disposition)) {
        this.#refused ??= thrown;
        throw thrown;
      }
      throw thrown instanceof LogError && thrown.disposition === "retriable" ? thrown : this.#giveUp(thrown);
    }
  }

  async commit(): Promise<void> {
    this.#checkUsable();
    await this.#end(true);
  }

  async abort(): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken;
    await this.#end(false);
  }

  async close(): Promise<void> {
    this.#broken ??= new LogError("CLOSED", "rejected", "Cannot use a producer that was closed: open another one");
    this.#cluster.release(this.#connections);
    this.#cluster.release(this.#delivering);
  }

  async #end(commit: boolean): Promise<void> {
    if (this.#coordinator === undefined || !this.#inTransaction) return;
    try {
      const next = await this.#coordinator.end(this.#epoch, commit);
      if (next.producerId !== this.#epoch.producerId || next.epoch !== this.#epoch.epoch) this.#sequences.clear();
      this.#epoch = next;
    } catch (thrown) {
      throw thrown instanceof LogError && thrown.disposition === "retriable" ? thrown : this.#giveUp(thrown);
    }
    this.#inTransaction = false;
    this.#refused = undefined;
    this.#announced.clear();
    this.#announcedGroups.clear();
  }

  async #announce(coordinator: TransactionCoordinator, partitions: readonly TopicPartition[]): Promise<void> {
    const fresh = partitions.filter(({ topic, partition }) => !this.#announced.has(partitionId(topic, partition)));
    if (fresh.length === 0) return;
    await coordinator.addPartitions(this.#epoch, fresh);
    for (const { topic, partition } of fresh) this.#announced.add(partitionId(topic, partition));
  }

  async #compress(partitions: readonly PartitionBatches[]): Promise<void> {
    const { compressor } = this.#settings;
    if (compressor === undefined) return;
    for (const { batches } of partitions) {
      for (const batch of batches) if (!batch.compressed) await batch.compress(compressor.codec, compressor.compress);
    }
  }

  #deliveryContext(): DeliveryContext {
    const cluster = this.#cluster;
    const { pool, limits, decompress, compressor } = this.#settings;
    const transactional = this.#transactionalId !== null;
    return {
      clock: cluster.clock,
      transactionalId: this.#transactionalId,
      produceVersion: this.#coordinator?.protocol === 2 ? produceVersion2 : api.produce.version,
      brokerTimeoutMs: cluster.options.requestTimeoutMs,
      retryForMs: cluster.options.retryForMs,
      leader: (topic, partition) => cluster.leader(topic, partition),
      leaderOf: (topic, partition) => cluster.leaderOf(topic, partition),
      forgetLeader: (topic, partition) => cluster.forgetLeader(topic, partition),
      refusal: (number, what, detail, place) => cluster.refusal(number, what, detail, place),
      connect: (nodeId) => this.#delivering.to(nodeId, "produce"),
      hangUp: () => {
        cluster.release(this.#delivering);
        this.#delivering = cluster.connections();
      },
      stamp: (topic, partition, batch) => {
        const sequence = this.#sequences.get(partitionId(topic, partition)) ?? 0;
        return batch.stamp(this.#epoch.producerId, this.#epoch.epoch, sequence, transactional);
      },
      written: (topic, partition, count) => {
        const id = partitionId(topic, partition);
        // After 2^31 - 1 comes 0.
        this.#sequences.set(id, ((this.#sequences.get(id) ?? 0) + count) % 2 ** 31);
      },
      split: async (topic, batch, bytes) => {
        limits.refused(topic, bytes.length);
        const halves = splitBatch(bytes, batch.count, pool, decompress);
        if (compressor !== undefined) for (const half of halves) await half.compress(compressor.codec, compressor.compress);
        return halves;
      },
    };
  }

  #checkUsable(): void {
    const reason = this.#broken ?? this.#refused;
    if (reason !== undefined) throw reason;
  }

  /** Gives the error to throw. "Retriable" would promise that the same call can be made again. */
  #giveUp(thrown: unknown): unknown {
    const error = thrown instanceof LogError ? thrown : undefined;
    const reason =
      error === undefined
        ? new LogError("UNKNOWN", "indefinite", "Cannot go on with this producer after an unexpected failure: open another one", {
            cause: thrown,
          })
        : error.disposition === "retriable"
          ? new LogError(error.code, "indefinite", error.message, { topic: error.topic, partition: error.partition, cause: error })
          : error;
    this.#broken ??= reason;
    return error === undefined ? thrown : reason;
  }
}

/** What is refused without a doubt about the rest of the transaction: it can still be aborted. */
const definite: ReadonlySet<string> = new Set(["membership", "rejected", "configuration"]);
