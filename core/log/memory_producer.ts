import type { Clock } from "../ports/clock.ts";
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
  private readonly clock: Clock;
  private readonly transactionalId: string | null;
  private identity: ProducerIdentity;
  private readonly sequences = new Map<string, number>();
  /** Protocol 1 names the partitions and groups of a transaction before it uses them. */
  private readonly added = new Set<string>();
  private begun = false;
  /** Why the epoch has to be given up. */
  private broken: LogError | null = null;
  /** Why the transaction can only be aborted. */
  private refused: LogError | null = null;

  constructor(broker: MemoryBroker, link: Link, clock: Clock, transactionalId: string | null, identity: ProducerIdentity) {
    this.broker = broker;
    this.link = link;
    this.clock = clock;
    this.transactionalId = transactionalId;
    this.identity = identity;
  }

  get epoch(): ProducerEpoch {
    return { producerId: BigInt(this.identity.producerId), epoch: this.identity.producerEpoch };
  }

  async send(outbox: Outbox): Promise<BaseOffsets> {
    if (!(outbox instanceof MemoryOutbox))
      throw new TypeError("The log in memory sends its own outboxes only: take one from outbox() of the same log");
    this.refuseUnusable();
    if (outbox.records === 0) return new Map();
    const bases = await this.guarded(() => this.sendAll(outbox.filled()).catch(inDoubt));
    outbox.clear();
    return bases;
  }

  async sendOffsets(group: GroupMetadata, offsets: readonly CommittedOffset[]): Promise<void> {
    const who = this.who();
    if (who === null)
      throw new LogError("INVALID_TXN_STATE", "rejected", "Offsets are sent in a transaction: open the producer with a transactional id");
    this.refuseUnusable();
    if (offsets.length === 0) return;
    await this.guarded(async () => {
      this.begun = true;
      if (this.broker.transactionVersion === 1 && !this.added.has(`group ${group.groupId}`)) {
        await this.ask("AddOffsetsToTxn", { ...who, groupId: group.groupId }, () => this.broker.transactions.addGroup(who, group.groupId));
        this.added.add(`group ${group.groupId}`);
      }
      const copied = offsets.map(({ topic, partition, offset, metadata }) => ({ topic, partition, offset, metadata }));
      await this.ask("TxnOffsetCommit", { ...who, group, offsets: copied }, () => this.broker.commitInTransaction(who, group, copied));
    }, definite);
  }

  async commit(): Promise<void> {
    this.refuseUnusable();
    await this.end("commit");
  }

  async abort(): Promise<void> {
    if (this.broken !== null) throw this.broken;
    await this.end("abort");
  }

  async close(): Promise<void> {
    this.broken ??= logError("CLOSED", "The producer is closed: open another one");
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
    await retried(this.clock, retryLimitMs, async () => {
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
      const next = await this.ask("EndTxn", { ...who, marker }, () => this.endAs(who, marker));
      this.begun = false;
      this.refused = null;
      this.added.clear();
      if (next.producerEpoch !== this.identity.producerEpoch || next.producerId !== this.identity.producerId) {
        this.identity = next;
        this.sequences.clear();
      }
    });
  }

  private endAs(who: TransactionalIdentity, marker: Marker): ProducerIdentity {
    try {
      return this.broker.transactions.end(who, marker);
    } catch (error) {
      // Protocol 2 does not fence a producer whose transaction took too long: it only says that there is nothing left to commit.
      if (!(error instanceof LogError && error.code === "INVALID_TXN_STATE" && marker === "commit" && this.broker.transactionVersion === 2))
        throw error;
      throw logError("INVALID_PRODUCER_EPOCH", `The transaction of '${who.transactionalId}' was ended by the log: open a new epoch`, {
        cause: error,
      });
    }
  }

  private who(): TransactionalIdentity | null {
    const { transactionalId } = this;
    return transactionalId === null ? null : { transactionalId, ...this.identity };
  }

  private ask<T>(kind: RequestKind, detail: Readonly<Record<string, unknown>>, perform: () => T): Promise<T> {
    return retried(this.clock, retryLimitMs, () => this.link.request(kind, detail, perform));
  }

  private refuseUnusable(): void {
    const reason = this.broken ?? this.refused;
    if (reason !== null) throw reason;
  }

  /**
   * After a failure that is not "not now" the epoch is over: going on with it could let a request that is still on its way do harm. Where `leavesWhole` says that
   * the refusal leaves no doubt, the transaction can still be aborted in good order.
   */
  private async guarded<T>(work: () => Promise<T>, leavesWhole: (error: LogError) => boolean = () => false): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof LogError))
        this.broken ??= logError("UNKNOWN", "A request of this epoch failed in an unknown way: open a new one", { cause: error });
      else if (leavesWhole(error)) this.refused ??= error;
      else if (error.disposition !== "retriable") this.broken ??= error;
      throw error;
    }
  }
}

const definite = ({ disposition }: LogError): boolean => ["membership", "rejected", "configuration"].includes(disposition);

/** Some partitions may have taken their batch: for the whole nobody can say "not done". */
const inDoubt = (error: unknown): never => {
  if (!(error instanceof LogError) || error.disposition !== "retriable") throw error;
  throw new LogError(error.code, "indefinite", `A send was put off for ${retryLimitMs} ms, so open a new epoch: ${error.message}`, {
    cause: error,
  });
};
