import { ProduceError, reason } from "../errors.ts";
import { type Clock, sleep } from "../ports/clock.ts";
import { type BaseOffsets, type CommittedOffset, type GroupMetadata, LogError, type Outbox } from "../ports/log.ts";
import type { Application } from "./application.ts";
import { CommitFailure } from "./commit_failure.ts";
import type { Committer } from "./committer.ts";
import type { SealedTask, Task } from "./sealed_task.ts";

export interface CommitCycleOptions {
  readonly application: Application;
  readonly committer: Committer;
  readonly tag: string;
  readonly tasks: () => Iterable<Task>;
  readonly group: () => GroupMetadata;
  readonly wake: () => void;
  readonly onCommit: (records: number, durationMs: number) => void;
  /** The group no longer counts this member's generation. */
  readonly onLost: () => void;
}

type Settled = { readonly bases: BaseOffsets } | { readonly failure: CommitFailure };

interface Sealed {
  readonly outbox: Outbox;
  readonly tasks: ReadonlyMap<Task, SealedTask>;
  readonly offsets: readonly CommittedOffset[];
  readonly records: number;
  readonly startedMs: number;
  timedOut: boolean;
}

const sendAheadBytes = 256 << 10;

const backoffMs = (failures: number): number => Math.min(50 * 2 ** failures, 10_000);

/**
 * Seals what all tasks have done and makes it durable, again and again. Tasks work on while the sealed part travels; at most one part is sealed. When a commit fails everything that is not committed is taken back, the sealed part and what came after it; when its
 * outcome is not known, a new epoch ends the doubt and the committed offsets tell.
 */
export class CommitCycle {
  readonly #options: CommitCycleOptions;
  #outbox: Outbox;
  #sealed: Sealed | undefined;
  #settled: Settled | undefined;
  #nextMs = Number.NEGATIVE_INFINITY;
  #requested = false;
  #paused = false;
  #failures = 0;
  #count = 0;
  /** Records of the open part are on their way; how many have gone since the last seal. */
  #ahead = false;
  #aheadRecords = 0;
  #gatheringSinceMs = Number.NEGATIVE_INFINITY;
  #waiting: (() => void)[] = [];

  constructor(options: CommitCycleOptions) {
    this.#options = options;
    this.#outbox = options.application.log.outbox();
  }

  /** The open one. */
  get outbox(): Outbox {
    return this.#outbox;
  }

  open(): Promise<void> {
    this.#nextMs = this.#clock.monotonic() + this.#options.application.settings.commitIntervalMs;
    return this.#options.committer.open();
  }

  /** As soon as may be, instead of at the next interval. */
  request(): void {
    this.#requested = true;
  }

  get isIdle(): boolean {
    return this.#sealed === undefined;
  }

  /** Too much is uncommitted while a commit is still under way: tasks wait. */
  get isBlocked(): boolean {
    return this.#sealed !== undefined && this.#uncommittedBytes() > this.#options.application.settings.overlayBytes;
  }

  /** When the next commit is due, by the monotonic clock. */
  get dueMs(): number {
    if (this.#sealed !== undefined) return this.#sealed.startedMs + this.#options.application.settings.commitTimeoutMs;
    return this.#paused ? Number.POSITIVE_INFINITY : this.#nextMs;
  }

  /** Between the last commit of an old generation and the assignment of the new one nothing is sealed. */
  set paused(paused: boolean) {
    this.#paused = paused;
  }

  /** Called between slices: takes up what has settled, and begins the next commit when it is due. */
  async step(): Promise<void> {
    this.#checkTimeout();
    await this.#takeUp();
    if (this.#sealed !== undefined || this.#paused) return;
    const { settings } = this.#options.application;
    const due = this.#clock.monotonic() >= this.#nextMs;
    if (due || this.#requested || this.#uncommittedBytes() > settings.overlayBytes) this.#begin();
    else this.#sendAhead();
  }

  /** A commit that takes too long counts as one of unknown outcome: a new epoch decides what became of it. */
  #checkTimeout(): void {
    const sealed = this.#sealed;
    const { commitTimeoutMs } = this.#options.application.settings;
    if (
      sealed === undefined ||
      sealed.timedOut ||
      this.#settled !== undefined ||
      this.#clock.monotonic() - sealed.startedMs < commitTimeoutMs
    )
      return;
    sealed.timedOut = true;
    const error = new LogError(
      "REQUEST_TIMED_OUT",
      "indefinite",
      `The commit was not through after ${commitTimeoutMs} ms (commit.timeout)`,
    );
    this.#settled = { failure: new CommitFailure("unknown", error) };
  }

  /**
   * Lets what has gathered travel before the commit: that has less left to send then. Not while a commit is under way, whose transaction it would end up in, and not while tasks are held, which may not be ours to speak for.
   */
  #sendAhead(): void {
    const { application, committer } = this.#options;
    const outbox = this.#outbox;
    const nowMs = this.#clock.monotonic();
    if (outbox.records === 0) this.#gatheringSinceMs = nowMs;
    if (!committer.sendsAhead || this.#ahead || outbox.records === 0) return;
    // The first records open the transaction at once, so that its round trips are over when the commit comes; those behind them gather.
    if (
      this.#aheadRecords > 0 &&
      outbox.bytes < sendAheadBytes &&
      nowMs - this.#gatheringSinceMs < application.settings.commitIntervalMs / 4
    )
      return;
    this.#outbox = application.log.outbox();
    this.#ahead = true;
    this.#aheadRecords += outbox.records;
    committer.sendAhead(outbox).then(
      () => {
        this.#ahead = false;
      },
      () => {
        // The commit meets the same failure and takes everything back; it need not wait for its time.
        this.#ahead = false;
        this.#requested = true;
        this.#options.wake();
      },
    );
  }

  /** Seals now, and resolves when that is committed, or taken back. Before it: what is under way. */
  async now(afterSeal: () => void = () => {}): Promise<void> {
    await this.#settle();
    this.#begin();
    afterSeal();
    await this.#settle();
  }

  /** The last commit before a clean stop. */
  async finish(): Promise<void> {
    await this.now();
    // Sinks may have confirmed something in the meantime, and the end of a task is said by a commit of its own.
    await this.now();
  }

  /** Drops what is open and what is sealed: none of it is ours to commit any more. */
  drop(): void {
    this.#sealed = undefined;
    this.#settled = undefined;
    this.#aheadRecords = 0;
    this.#outbox = this.#options.application.log.outbox();
    this.#tellWaiting();
  }

  close(): Promise<void> {
    return this.#options.committer.close();
  }

  get #clock(): Clock {
    return this.#options.application.clock;
  }

  #uncommittedBytes(): number {
    let bytes = this.#outbox.bytes;
    for (const task of this.#options.tasks()) bytes += task.uncommittedBytes;
    return bytes;
  }

  #begin(): void {
    const { application, committer, tag, tasks, group, wake } = this.#options;
    this.#requested = false;
    this.#nextMs = this.#clock.monotonic() + application.settings.commitIntervalMs;
    const id = `${tag}-${++this.#count}`;
    const parts = new Map<Task, SealedTask>();
    for (const task of tasks()) {
      const part = task.seal(id);
      if (part !== undefined) parts.set(task, part);
    }
    const outbox = this.#outbox;
    const ahead = this.#aheadRecords;
    if (parts.size === 0 && outbox.records === 0 && ahead === 0) return;
    this.#aheadRecords = 0;
    this.#gatheringSinceMs = this.#clock.monotonic();
    this.#outbox = application.log.outbox();
    const sealed: Sealed = {
      outbox,
      tasks: parts,
      records: outbox.records + ahead,
      offsets: [...parts.values()].flatMap((part) => part.offsets),
      startedMs: this.#clock.monotonic(),
      timedOut: false,
    };
    this.#sealed = sealed;
    committer.commit(outbox, sealed.offsets, group()).then(
      (bases) => this.#settledWith(sealed, { bases }),
      (error: unknown) =>
        this.#settledWith(sealed, { failure: error instanceof CommitFailure ? error : new CommitFailure("unknown", error) }),
    );
    wake();
  }

  #settledWith(sealed: Sealed, settled: Settled): void {
    if (this.#sealed !== sealed || sealed.timedOut) return;
    this.#settled = settled;
    this.#tellWaiting();
    this.#options.wake();
  }

  #tellWaiting(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async #settle(): Promise<void> {
    while (this.#sealed !== undefined) {
      if (this.#settled === undefined) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      await this.#takeUp();
    }
  }

  async #takeUp(): Promise<void> {
    const sealed = this.#sealed;
    const settled = this.#settled;
    if (sealed === undefined || settled === undefined) return;
    this.#settled = undefined;
    try {
      if ("bases" in settled) this.#apply(sealed, settled.bases);
      else await this.#recover(sealed, settled.failure);
    } finally {
      this.#tellWaiting();
    }
  }

  #apply(sealed: Sealed, bases: BaseOffsets): void {
    this.#sealed = undefined;
    this.#failures = 0;
    for (const [task, part] of sealed.tasks) task.committed(part, bases);
    for (const task of sealed.tasks.keys()) task.afterCommit();
    const nowMs = this.#clock.monotonic();
    this.#nextMs = Math.max(this.#nextMs, nowMs + this.#options.application.settings.commitMinPauseMs);
    this.#options.onCommit(sealed.records, nowMs - sealed.startedMs);
  }

  async #recover(sealed: Sealed, failure: CommitFailure): Promise<void> {
    const { application, committer, group, onLost } = this.#options;
    const { logger, settings, counters } = application;
    if (failure.isFatal) throw fatal(failure);
    this.#failures++;
    counters.counter("failed_commits").add();
    if (this.#failures > settings.tolerableFailures) throw failure.error;
    logger.log(
      "warn",
      failure.outcome === "unknown" ? "It is not known whether a commit happened: asking the log" : "A commit failed and is taken back",
      { reason: failure.message },
    );
    await this.#reopen();
    // Somebody may have taken the tasks away while the epoch was opened.
    if (this.#sealed !== sealed) return;
    if (failure.outcome === "unknown" && (await this.#happened(sealed, group().groupId))) return this.#apply(sealed, new Map());
    this.#sealed = undefined;
    this.#aheadRecords = 0;
    this.#outbox = application.log.outbox();
    for (const task of this.#options.tasks()) task.rollback();
    if (failure.error instanceof LogError && (failure.error.disposition === "membership" || failure.error.disposition === "fenced"))
      onLost();
  }

  async #happened(sealed: Sealed, groupId: string): Promise<boolean> {
    for (let tries = 0; ; tries++)
      try {
        return await this.#options.committer.happened(sealed.offsets, groupId);
      } catch (error) {
        if (!isPassing(error)) throw error;
        await sleep(this.#clock, backoffMs(tries));
      }
  }

  async #reopen(): Promise<void> {
    for (let tries = 0; ; tries++)
      try {
        return await this.#options.committer.open();
      } catch (error) {
        if (!isPassing(error)) throw error;
        this.#options.application.logger.log("warn", "The log cannot be reached for a new epoch: trying again", { reason: reason(error) });
        await sleep(this.#clock, backoffMs(tries));
      }
  }
}

const isPassing = (error: unknown): boolean =>
  error instanceof LogError && error.disposition !== "configuration" && error.disposition !== "rejected";

const fatal = (failure: CommitFailure): unknown => {
  const { error } = failure;
  if (!(error instanceof LogError) || error.disposition !== "rejected") return error;
  return new ProduceError("RECORD_REFUSED", `The log refused what was written: ${error.message}`, {
    topic: error.topic,
    partition: error.partition,
    cause: error,
  });
};
