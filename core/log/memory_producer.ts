import {
  type BaseOffsets,
  type CommittedOffset,
  type GroupMetadata,
  LogError,
  type Outbox,
  type Producer,
  type ProducerEpoch,
  partitionId,
} from "../ports/log.ts";
import { logError } from "./disposition.ts";
import type { Link, RequestKind } from "./link.ts";
import type { MemoryBroker, PartitionBatch, ProduceRequest } from "./memory_broker.ts";
import { MemoryOutbox, type OutboxPartition } from "./memory_outbox.ts";
import { nextSequence } from "./producer_states.ts";
import type { Marker } from "./record_batch.ts";
import { retried, retryLimitMs } from "./retried.ts";
import type { ProducerIdentity, TransactionalIdentity } from "./transaction_coordinator.ts";

/**
 * One epoch on the log in memory. At most one batch of each partition is under way, and a batch that may be sent again is sent with the same sequence, so an
 * answer that is lost can neither lose nor double a record.
 */
export class MemoryProducer implements Producer {
  private readonly broker: MemoryBroker;
  private readonly link: Link;
  private readonly transactionalId: string | null;
  private identity: ProducerIdentity;
  private readonly sequences = new Map<string, number>();
  /** Protocol 1 names the partitions and groups of a transaction before it uses them. */
  private readonly added = new Set<string>();
  private begun = false;
  private failure: LogError | null = null;

  constructor(broker: MemoryBroker, link: Link, transactionalId: string | null, identity: ProducerIdentity) {
    this.broker = broker;
    this.link = link;
    this.transactionalId = transactionalId;
    this.identity = identity;
  }

  get epoch(): ProducerEpoch {
    return { producerId: BigInt(this.identity.producerId), epoch: this.identity.producerEpoch };
  }

  async send(outbox: Outbox): Promise<BaseOffsets> {
    if (!(outbox instanceof MemoryOutbox))
      throw new TypeError("The log in memory sends its own outboxes only: take one from outbox() of the same log");
    if (outbox.records === 0) return new Map();
    return this.guarded(() => this.sendAll(outbox.filled()));
  }

  async sendOffsets(group: GroupMetadata, offsets: readonly CommittedOffset[]): Promise<void> {
    if (offsets.length === 0) return;
    await this.guarded(async () => {
      const who = this.who();
      if (who === null) throw logError("INVALID_CONFIG", "Offsets are sent in a transaction: open the producer with a transactional id");
      this.begun = true;
      if (this.broker.transactionVersion === 1 && !this.added.has(`group ${group.groupId}`)) {
        await this.ask("AddOffsetsToTxn", { ...who, groupId: group.groupId }, () => this.broker.transactions.addGroup(who, group.groupId));
        this.added.add(`group ${group.groupId}`);
      }
      const copied = offsets.map(({ topic, partition, offset, metadata }) => ({ topic, partition, offset, metadata }));
      await this.ask("TxnOffsetCommit", { ...who, group, offsets: copied }, () => this.broker.commitInTransaction(who, group, copied));
    });
  }

  commit(): Promise<void> {
    return this.end("commit");
  }

  abort(): Promise<void> {
    // What the log has refused for certain leaves the epoch whole: its transaction can still be ended in good order.
    if (
      this.failure !== null &&
      ["membership", "rejected", "configuration"].includes(this.failure.disposition) &&
      this.failure.code !== "CLOSED"
    )
      this.failure = null;
    return this.end("abort");
  }

  async close(): Promise<void> {
    this.failure = logError("CLOSED", "The producer is closed: open another one");
  }

  private async sendAll(partitions: readonly OutboxPartition[]): Promise<BaseOffsets> {
    const who = this.who();
    if (who !== null) {
      this.begun = true;
      if (this.broker.transactionVersion === 1) await this.addPartitions(who, partitions);
    }
    const bases = new Map<string, number>();
    const rounds = Math.max(...partitions.map((one) => one.columns.length));
    for (let round = 0; round < rounds; round++) {
      const batches: PartitionBatch[] = [];
      for (const { topic, partition, id, columns } of partitions) {
        const one = columns[round];
        if (one === undefined) continue;
        const sequence = this.sequences.get(id) ?? 0;
        this.sequences.set(id, nextSequence(sequence, one.count));
        batches.push({ topic, partition, columns: one, from: 0, to: one.count, sequence });
      }
      const offsets = await this.produce(batches);
      if (round === 0) for (const [i, { id }] of partitions.entries()) bases.set(id, offsets[i]!);
    }
    return bases;
  }

  /** One request, repeated with what "not now" was said about. */
  private async produce(batches: readonly PartitionBatch[]): Promise<readonly number[]> {
    const offsets = new Array<number>(batches.length).fill(-1);
    let left = batches.map((_, i) => i);
    try {
      await retried(this.broker.clock, retryLimitMs, async () => {
        const request: ProduceRequest = { transactionalId: this.transactionalId, ...this.identity, batches: left.map((i) => batches[i]!) };
        const answers = await this.link.request("Produce", { ...request }, () => this.broker.produce(request));
        const asked = left;
        left = [];
        let later: LogError | null = null;
        let never: LogError | null = null;
        for (const [n, answer] of answers.entries()) {
          const i = asked[n]!;
          if (typeof answer === "number") offsets[i] = answer;
          else if (answer.disposition === "retriable") {
            left.push(i);
            later = answer;
          } else {
            never ??= answer;
            // What was not appended has used up no sequence.
            this.sequences.set(partitionId(batches[i]!.topic, batches[i]!.partition), batches[i]!.sequence);
          }
        }
        if (never !== null || later !== null) throw never ?? later;
      });
    } catch (error) {
      // Some partitions may have taken their batch: for the whole nobody can say "not done".
      if (error instanceof LogError && error.disposition === "retriable")
        throw new LogError("REQUEST_TIMED_OUT", "indefinite", `A send was put off for ${retryLimitMs} ms: open a new epoch`, {
          cause: error,
        });
      throw error;
    }
    return offsets;
  }

  private async addPartitions(who: TransactionalIdentity, partitions: readonly OutboxPartition[]): Promise<void> {
    const missing = partitions.filter(({ id }) => !this.added.has(id));
    if (missing.length === 0) return;
    await this.ask("AddPartitionsToTxn", { ...who, partitions: missing.map(({ id }) => id) }, () =>
      this.broker.addPartitions(who, missing),
    );
    for (const { id } of missing) this.added.add(id);
  }

  private async end(marker: Marker): Promise<void> {
    if (!this.begun) return;
    await this.guarded(async () => {
      const who = this.who();
      if (who === null) return;
      const next = await this.ask("EndTxn", { ...who, marker }, () => this.broker.transactions.end(who, marker));
      this.begun = false;
      this.added.clear();
      if (next.producerEpoch !== this.identity.producerEpoch || next.producerId !== this.identity.producerId) {
        this.identity = next;
        this.sequences.clear();
      }
    });
  }

  private who(): TransactionalIdentity | null {
    const { transactionalId } = this;
    return transactionalId === null ? null : { transactionalId, ...this.identity };
  }

  private ask<T>(kind: RequestKind, detail: Readonly<Record<string, unknown>>, perform: () => T): Promise<T> {
    return retried(this.broker.clock, retryLimitMs, () => this.link.request(kind, detail, perform));
  }

  /** After a failure that is not "not now" the epoch is over: going on with it could let a request that is still on its way do harm. */
  private async guarded<T>(work: () => Promise<T>): Promise<T> {
    if (this.failure !== null) throw this.failure;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof LogError))
        this.failure = logError("UNKNOWN", "A request of this epoch failed in an unknown way: open a new one", { cause: error });
      else if (error.disposition !== "retriable") this.failure = error;
      throw error;
    }
  }
}
