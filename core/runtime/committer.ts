import {
  type BaseOffsets,
  type CommittedOffset,
  type GroupMetadata,
  type Log,
  LogError,
  type Outbox,
  type Producer,
  partitionId,
} from "../ports/log.ts";
import { CommitFailure } from "./commit_failure.ts";
import type { Guarantee } from "./task_environment.ts";

/** Makes an outbox and the offsets that led to it durable, as the guarantee says. */
export interface Committer {
  /** Without transactions: outputs can be read as soon as they are sent, and have to be safe before the changelog is written. */
  readonly outputsFirst: boolean;
  /** Sends a part of the outputs before the commit that they belong to. What goes wrong with it is told by that commit. */
  sendAhead(outbox: Outbox): Promise<void>;
  /** Opens an epoch, or a new one after a failure. What an older epoch left open is ended first. */
  open(): Promise<void>;
  /**
   * Throws a CommitFailure. Before the next commit `open` is called then.
   * @param lastly the tasks stop here, or go to another instance
   * @param outputs where they come first; the outbox then holds what is left
   */
  commit(
    outbox: Outbox,
    offsets: readonly CommittedOffset[],
    group: GroupMetadata,
    lastly: boolean,
    outputs?: Outbox,
  ): Promise<BaseOffsets>;
  /** After a failure of unknown outcome, and a new epoch: whether it happened. */
  happened(offsets: readonly CommittedOffset[], groupId: string): Promise<boolean>;
  /** Ends what was begun and not committed, if there is something: readers of the output would wait behind it until the broker's timeout. */
  abandon(): Promise<void>;
  close(): Promise<void>;
}

export interface CommitterOptions {
  readonly log: Log;
  readonly transactionalId: string;
  readonly transactionTimeoutMs: number;
}

export const committerFor = (guarantee: Guarantee, options: CommitterOptions): Committer => {
  if (guarantee === "exactly-once") return new TransactionalCommitter(options);
  return new IdempotentCommitter(options, guarantee === "at-least-once");
};

/** Outputs, changelog and offsets in one transaction, which the group's generation fences. */
class TransactionalCommitter implements Committer {
  readonly outputsFirst = false;
  readonly #options: CommitterOptions;
  #producer: Producer | undefined;
  #closed = false;
  /** Calls of a producer do not overlap: the commit waits for what is on its way. */
  #ahead: Promise<unknown> = Promise.resolve();
  /** A transaction of this epoch may be open. */
  #begun = false;

  constructor(options: CommitterOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { log, transactionalId, transactionTimeoutMs } = this.#options;
    await this.#letGo();
    this.#ahead = Promise.resolve();
    const producer = await log.producer({ transactionalId, transactionTimeoutMs });
    // The worker has ended meanwhile, and would not close it any more.
    if (this.#closed) return producer.close();
    // A failure and an expulsion may each ask for a new epoch at the same time.
    const other = this.#producer;
    this.#producer = producer;
    this.#begun = false;
    await other?.close();
  }

  async sendAhead(outbox: Outbox): Promise<void> {
    const producer = this.#producer!;
    this.#begun = true;
    const ahead = this.#ahead.then(() => producer.send(outbox));
    this.#ahead = ahead;
    await ahead;
  }

  async commit(outbox: Outbox, offsets: readonly CommittedOffset[], group: GroupMetadata): Promise<BaseOffsets> {
    const producer = this.#producer!;
    this.#begun = true;
    let bases: BaseOffsets;
    try {
      await this.#ahead;
      // The offsets travel beside the records; the end waits for both.
      const sent = outbox.records === 0 ? Promise.resolve(new Map<string, number>()) : producer.send(outbox);
      const [records, commits] = await Promise.allSettled([
        sent,
        offsets.length === 0 ? Promise.resolve() : producer.sendOffsets(group, offsets),
      ]);
      if (records.status === "rejected") throw records.reason;
      if (commits.status === "rejected") throw commits.reason;
      bases = records.value;
    } catch (error) {
      throw new CommitFailure("not-happened", error);
    }
    try {
      await producer.commit();
    } catch (error) {
      throw new CommitFailure(error instanceof LogError && error.disposition !== "indefinite" ? "not-happened" : "unknown", error);
    }
    if (producer === this.#producer) this.#begun = false;
    return bases;
  }

  /** The new epoch has ended every transaction of the old one, so what stands in the group now stays. */
  async happened(offsets: readonly CommittedOffset[], groupId: string): Promise<boolean> {
    const [one] = offsets;
    if (one === undefined) return false;
    const committed = await this.#options.log.admin.committed(groupId, [one], { requireStable: true });
    return committed.get(partitionId(one.topic, one.partition))?.metadata === one.metadata;
  }

  async abandon(): Promise<void> {
    if (this.#begun) await this.open();
  }

  close(): Promise<void> {
    this.#closed = true;
    return this.#letGo();
  }

  async #letGo(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    await producer?.close();
  }
}

/** Records first, offsets after them: a crash in between repeats records. Where offsets are not committed as a rule, a clean stop still says where it was. */
class IdempotentCommitter implements Committer {
  readonly outputsFirst = true;
  readonly #options: CommitterOptions;
  readonly #offsetsAlways: boolean;
  #producer: Producer | undefined;
  #closed = false;
  /** Calls of a producer do not overlap: the commit waits for what is on its way. */
  #ahead: Promise<unknown> = Promise.resolve();

  constructor(options: CommitterOptions, offsetsAlways: boolean) {
    this.#options = options;
    this.#offsetsAlways = offsetsAlways;
  }

  async sendAhead(outbox: Outbox): Promise<void> {
    const producer = this.#producer!;
    const ahead = this.#ahead.then(() => producer.send(outbox));
    this.#ahead = ahead;
    await ahead;
  }

  async open(): Promise<void> {
    const { log, transactionTimeoutMs } = this.#options;
    await this.#letGo();
    this.#ahead = Promise.resolve();
    const producer = await log.producer({ transactionalId: null, transactionTimeoutMs });
    if (this.#closed) return producer.close();
    const other = this.#producer;
    this.#producer = producer;
    await other?.close();
  }

  async commit(
    outbox: Outbox,
    offsets: readonly CommittedOffset[],
    group: GroupMetadata,
    lastly: boolean,
    outputs?: Outbox,
  ): Promise<BaseOffsets> {
    const producer = this.#producer!;
    try {
      await this.#ahead;
      if (outputs !== undefined && outputs.records > 0) await producer.send(outputs);
      const bases = outbox.records === 0 ? new Map<string, number>() : await producer.send(outbox);
      if ((this.#offsetsAlways || lastly) && offsets.length > 0) await this.#options.log.admin.commitOffsets(group.groupId, offsets, group);
      return bases;
    } catch (error) {
      throw new CommitFailure("not-happened", error);
    }
  }

  async happened(): Promise<boolean> {
    return false;
  }

  async abandon(): Promise<void> {}

  close(): Promise<void> {
    this.#closed = true;
    return this.#letGo();
  }

  async #letGo(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    await producer?.close();
  }
}
