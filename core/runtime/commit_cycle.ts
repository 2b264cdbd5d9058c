import { ProduceError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import { type BaseOffsets, type CommittedOffset, type GroupMetadata, LogError, type Outbox } from "../ports/log.ts";
import type { Application } from "./application.ts";
import { CommitFailure } from "./commit_failure.ts";
import type { Committer } from "./committer.ts";
import { insist } from "./insist.ts";
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
  /** Aborted when the worker is no more: whoever waits here waits in vain. */
  readonly signal: AbortSignal;
}

export interface CommitNowOptions {
  /** Asked when what was under way is settled: a seal that comes too late may speak for tasks that are no longer ours. */
  readonly mayBegin?: () => boolean;
  readonly afterSeal?: () => void;
}

type Settled = { readonly bases: BaseOffsets } | { readonly failure: CommitFailure };

interface Sealed {
  readonly tasks: ReadonlyMap<Task, SealedTask>;
  readonly offsets: readonly CommittedOffset[];
  readonly records: number;
  /** Of the records that go out with it. */
  readonly bytes: number;
  readonly startedMs: number;
  /** The first word counts: what comes of a commit that was given up is not asked any more. */
  settled: Settled | undefined;
}

const sendAheadBytes = 256 << 10;

/**
 * Seals what all tasks have done and makes it durable, again and again. Tasks work on while the sealed part travels; at most one part is sealed. When a commit fails everything that is not committed is taken back, the sealed part and what came after it; when its
 * outcome is not known, a new epoch ends the doubt and the committed offsets tell.
 */
export class CommitCycle {
  readonly #options: CommitCycleOptions;
  #outbox: Outbox;
  #sealed: Sealed | undefined;
  /** Something is being taken back, or its outcome is being asked for. */
  #recovering = false;
  /** The open part holds what tasks have done that are no longer ours. */
  #tainted = false;
  #nextMs = Number.NEGATIVE_INFINITY;
  #requested = false;
  #paused = false;
  #failures = 0;
  #count = 0;
  /** Records of the open part are on their way; how many have gone since the last seal. */
  #ahead = false;
  #aheadRecords = 0;
  /** Of what is under way. */
  #aheadBytes = 0;
  #gatheringSinceMs = Number.NEGATIVE_INFINITY;
  #waiting: (() => void)[] = [];

  constructor(options: CommitCycleOptions) {
    this.#options = options;
    this.#outbox = options.application.log.outbox();
    options.signal.addEventListener("abort", () => this.#tellWaiting());
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

  /** Estimated bytes that are held because they are not committed: changes of the state and records on their way out, open and sealed ones. */
  get uncommittedBytes(): number {
    let bytes = this.#outbox.bytes + this.#aheadBytes + (this.#sealed?.bytes ?? 0);
    for (const task of this.#options.tasks()) bytes += task.uncommittedBytes;
    return bytes;
  }

  /** Too much is uncommitted while it cannot be sealed, or what is done now will be taken back: tasks wait. */
  isBlockedWith(uncommittedBytes: number): boolean {
    if (this.#tainted) return true;
    return (this.#sealed !== undefined || this.#paused) && uncommittedBytes > this.#options.application.settings.overlayBytes;
  }

  /** So much is uncommitted that it is sealed before its time: half of the bound, so that tasks have the other half while it travels. */
  isFullWith(uncommittedBytes: number): boolean {
    return 2 * uncommittedBytes > this.#options.application.settings.overlayBytes;
  }

  /** Nothing is under way: what is open can be sealed. */
  get canBegin(): boolean {
    return !this.#isBusy && !this.#recovering && !this.#paused;
  }

  /** When the next commit is due, or the one under way has taken too long, by the monotonic clock. */
  get dueMs(): number {
    if (this.#sealed !== undefined) return this.#sealed.settled === undefined ? this.#timeoutAtMs(this.#sealed) : Number.POSITIVE_INFINITY;
    return this.#paused || this.#tainted ? Number.POSITIVE_INFINITY : this.#nextMs;
  }

  /** When the worker has something to do here, by the monotonic clock, although nothing else happens. */
  get wakeMs(): number {
    // What is in a transaction cannot be read before its end, so nobody waits for it to be sent ahead.
    const isWaitedFor = this.#options.committer.outputsFirst && this.#outbox.records > 0 && !this.#ahead && !this.#isBusy && !this.#paused;
    return isWaitedFor ? Math.min(this.dueMs, this.#aheadDueMs) : this.dueMs;
  }

  /** The first records travel at once: they open the transaction, so that its round trips are over when the commit comes. Those behind them gather. */
  get #aheadDueMs(): number {
    if (this.#aheadRecords === 0) return Number.NEGATIVE_INFINITY;
    return this.#gatheringSinceMs + this.#options.application.settings.commitIntervalMs / 4;
  }

  /** Between the last commit of an old generation and the assignment of the new one nothing is sealed. */
  set paused(paused: boolean) {
    this.#paused = paused;
  }

  /** Called between slices: takes up what has settled, and begins the next commit when it is due. */
  async step(): Promise<void> {
    this.#checkTimeout();
    if (this.#canProgress) await this.#progress();
    if (!this.canBegin) return;
    const due = this.#clock.monotonic() >= this.#nextMs;
    if (due || this.#requested || this.isFullWith(this.uncommittedBytes)) this.#begin(false);
    else this.#sendAhead();
  }

  /**
   * Lets what has gathered travel before the commit: that has less left to send then, and without transactions it can be read at once. Not while a commit is under way, whose transaction it would end up in, and not while tasks are held, which may not be ours to speak for.
   */
  #sendAhead(): void {
    const { application, committer } = this.#options;
    const outbox = this.#outbox;
    const nowMs = this.#clock.monotonic();
    if (outbox.records === 0) this.#gatheringSinceMs = nowMs;
    if (this.#ahead || outbox.records === 0 || (outbox.bytes < sendAheadBytes && nowMs < this.#aheadDueMs)) return;
    this.#outbox = application.log.outbox();
    this.#ahead = true;
    this.#aheadRecords += outbox.records;
    this.#aheadBytes = outbox.bytes;
    committer.sendAhead(outbox).then(
      () => {
        this.#ahead = false;
        this.#aheadBytes = 0;
        if (committer.outputsFirst) this.#options.wake();
      },
      () => {
        // The commit meets the same failure and takes everything back; it need not wait for its time.
        this.#ahead = false;
        this.#aheadBytes = 0;
        this.#requested = true;
        this.#options.wake();
      },
    );
  }

  /**
   * Seals now, and resolves when that is committed, or taken back. Before it: what is under way. For the last word before the tasks go to somebody else, so nothing is sealed while they are held back already.
   */
  async now({ mayBegin = () => true, afterSeal = () => {} }: CommitNowOptions = {}): Promise<void> {
    // The seal follows in the same synchronous stretch in which nothing was under way any more.
    while (this.#isBusy) await this.#progress();
    if (this.#options.signal.aborted || this.#paused || !mayBegin()) return;
    this.#begin(true);
    afterSeal();
    const sealed = this.#sealed;
    while (sealed !== undefined && this.#sealed === sealed && this.#isBusy) await this.#progress();
  }

  /** The last commit before a clean stop. */
  async finish(): Promise<void> {
    await this.now();
    // Sinks may have confirmed something in the meantime, and the end of a task is said by a commit of its own.
    await this.now();
  }

  /** Drops what is open and what is sealed: none of it is ours to commit any more. */
  drop(): void {
    this.#clear();
    this.#tellWaiting();
  }

  /** Tasks have gone that have written into the open part since the last seal: it is taken back as a whole, as soon as what is sealed has settled. */
  taint(): void {
    if (this.#outbox.records + this.#aheadRecords > 0) this.#tainted = true;
  }

  /** Ends what was sent and will not be committed. */
  abandon(): Promise<void> {
    return this.#options.committer.abandon();
  }

  close(): Promise<void> {
    return this.#options.committer.close();
  }

  get #clock(): Clock {
    return this.#options.application.clock;
  }

  get #isBusy(): boolean {
    return !this.#options.signal.aborted && (this.#sealed !== undefined || this.#tainted);
  }

  /** There is something to take up, and nobody does it yet. */
  get #canProgress(): boolean {
    return !this.#recovering && (this.#sealed === undefined ? this.#tainted : this.#sealed.settled !== undefined);
  }

  /** @param lastly the tasks may go to somebody else after this */
  #begin(lastly: boolean): void {
    const { application, committer, tag, tasks, group, wake } = this.#options;
    this.#requested = false;
    this.#nextMs = this.#clock.monotonic() + application.settings.commitIntervalMs;
    const id = `${tag}-${++this.#count}`;
    // Without a transaction the outputs are safe before the changelog says that they need not be made again: else a crash between the two would lose them.
    const outputs = committer.outputsFirst ? this.#outbox : undefined;
    if (outputs !== undefined) this.#outbox = application.log.outbox();
    const parts = new Map<Task, SealedTask>();
    for (const task of tasks()) {
      const part = task.seal(id, lastly);
      if (part !== undefined) parts.set(task, part);
    }
    const outbox = this.#outbox;
    const ahead = this.#aheadRecords + (outputs?.records ?? 0);
    if (parts.size === 0 && outbox.records === 0 && ahead === 0) return;
    this.#aheadRecords = 0;
    this.#gatheringSinceMs = this.#clock.monotonic();
    this.#outbox = application.log.outbox();
    const sealed: Sealed = {
      tasks: parts,
      records: outbox.records + ahead,
      bytes: outbox.bytes + (outputs?.bytes ?? 0),
      offsets: [...parts.values()].flatMap((part) => part.offsets),
      startedMs: this.#clock.monotonic(),
      settled: undefined,
    };
    this.#sealed = sealed;
    committer.commit(outbox, sealed.offsets, group(), lastly, outputs).then(
      (bases) => this.#settledWith(sealed, { bases }),
      (error: unknown) =>
        this.#settledWith(sealed, { failure: error instanceof CommitFailure ? error : new CommitFailure("unknown", error) }),
    );
    wake();
  }

  #settledWith(sealed: Sealed, settled: Settled): void {
    if (this.#sealed !== sealed || sealed.settled !== undefined) return;
    sealed.settled = settled;
    this.#tellWaiting();
    this.#options.wake();
  }

  /** A commit that takes too long counts as one of unknown outcome: a new epoch decides what became of it. */
  #checkTimeout(): void {
    const sealed = this.#sealed;
    if (sealed === undefined || sealed.settled !== undefined || this.#clock.monotonic() < this.#timeoutAtMs(sealed)) return;
    const { commitTimeoutMs } = this.#options.application.settings;
    const error = new LogError(
      "REQUEST_TIMED_OUT",
      "indefinite",
      `The commit was not through after ${commitTimeoutMs} ms (commit.timeout)`,
    );
    sealed.settled = { failure: new CommitFailure("unknown", error) };
  }

  #timeoutAtMs({ startedMs }: Sealed): number {
    return startedMs + this.#options.application.settings.commitTimeoutMs;
  }

  #tellWaiting(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Takes up what has settled, or waits until something has. */
  async #progress(): Promise<void> {
    if (!this.#canProgress) return this.#wait();
    const sealed = this.#sealed;
    const settled = sealed?.settled;
    if (sealed !== undefined && settled !== undefined && "bases" in settled) {
      this.#apply(sealed, settled.bases);
      return this.#tellWaiting();
    }
    this.#recovering = true;
    try {
      if (sealed !== undefined && settled !== undefined && "failure" in settled) await this.#recover(sealed, settled.failure);
      else await this.#takeBack();
    } finally {
      this.#recovering = false;
      this.#tellWaiting();
    }
  }

  async #wait(): Promise<void> {
    const sealed = this.#sealed;
    const leftMs = sealed === undefined || sealed.settled !== undefined ? undefined : this.#timeoutAtMs(sealed) - this.#clock.monotonic();
    await new Promise<void>((resolve) => {
      const timeout = leftMs === undefined ? undefined : this.#clock.after(Math.max(0, leftMs), resolve);
      this.#waiting.push(() => {
        timeout?.cancel();
        resolve();
      });
    });
    this.#checkTimeout();
  }

  #apply(sealed: Sealed, bases: BaseOffsets): void {
    this.#sealed = undefined;
    this.#failures = 0;
    // Some may have gone to other instances while the commit was under way.
    const here = new Set(this.#options.tasks());
    const parts = [...sealed.tasks].filter(([task]) => here.has(task));
    for (const [task, part] of parts) task.committed(part, bases);
    for (const [task] of parts) task.afterCommit();
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
    // Somebody may have taken the tasks away meanwhile.
    if (this.#sealed !== sealed) return;
    const happened = failure.outcome === "unknown" && (await this.#patiently(() => committer.happened(sealed.offsets, group().groupId)));
    if (this.#sealed !== sealed) return;
    if (happened) return this.#apply(sealed, new Map());
    this.#clear();
    for (const task of this.#options.tasks()) task.rollback();
    if (failure.error instanceof LogError && (failure.error.disposition === "membership" || failure.error.disposition === "fenced"))
      onLost();
  }

  async #takeBack(): Promise<void> {
    await this.#reopen();
    if (!this.#tainted) return;
    this.#clear();
    for (const task of this.#options.tasks()) task.rollback();
  }

  #clear(): void {
    this.#sealed = undefined;
    this.#tainted = false;
    this.#aheadRecords = 0;
    this.#outbox = this.#options.application.log.outbox();
  }

  #reopen(): Promise<void> {
    return this.#patiently(() => this.#options.committer.open());
  }

  #patiently<T>(attempt: () => Promise<T>): Promise<T> {
    const { application, signal } = this.#options;
    return insist(attempt, {
      clock: this.#clock,
      signal,
      onFailure: ({ message }) =>
        application.logger.log("warn", "The log cannot be asked about a commit yet: trying again", { reason: message }),
    });
  }
}

const fatal = (failure: CommitFailure): unknown => {
  const { error } = failure;
  if (!(error instanceof LogError) || error.disposition !== "rejected") return error;
  return new ProduceError("RECORD_REFUSED", `The log refused what was written: ${error.message}`, {
    topic: error.topic,
    partition: error.partition,
    cause: error,
  });
};
