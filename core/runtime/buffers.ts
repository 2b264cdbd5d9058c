import type { Metric } from "../ports/metrics.ts";
import type { Application, Settings } from "./application.ts";
import type { CommitCycle } from "./commit_cycle.ts";
import type { Task } from "./sealed_task.ts";
import type { PauseReason } from "./task_input.ts";

/** What an instance holds in memory that is not the state of its program. */
type BufferName = "input" | "uncommitted" | "cache" | "internal" | "pending" | "restore";

export interface BuffersOptions {
  readonly settings: Pick<Settings, "inputBytes" | "overlayBytes" | "cacheBytes" | "internalBytes" | "pendingBytes" | "restoreBytes">;
  readonly tasks: () => Iterable<Task>;
  /** What has arrived for no input yet. */
  readonly undeliveredBytes: () => number;
  readonly commits: Pick<CommitCycle, "uncommittedBytes" | "isBlockedWith" | "isFullWith" | "canBegin">;
  /** What internal topics hold; absent where they are not in the memory of this process. */
  readonly internalBytes: (() => number) | undefined;
  readonly restoringBytes: () => number;
  /** Milliseconds that never fall. */
  readonly now: () => number;
}

/** Often enough for records of a usual size, seldom enough to cost nothing. */
const recordsBetweenLooksMax = 64;
/** How soon it is forgotten that a record has changed much. */
const fading = 0.95;
/** One may change more than those before it. */
const recordsToSpare = 2;
/** Evicting a little more than need be makes room until it is worth looking over the tables again. */
const cacheLeft = 7 / 8;

/** So much of what internal topics may hold stops the sources, and half of that lets them go on. */
const congestedFrom = 1 / 2;

/** Keeps what a worker buffers within its bounds: looked at while tasks work, between two records. */
export class Buffers {
  readonly #options: BuffersOptions;
  readonly #peaks: Record<BufferName, number> = { input: 0, uncommitted: 0, cache: 0, internal: 0, pending: 0, restore: 0 };
  /** Too much waits in internal topics: no more is to come from sources until it is half as much. */
  congested = false;
  #recordsBetweenLooks = 1;
  /** What has become uncommitted with a record lately, and how much it was at the last look. */
  #bytesPerRecord = 0;
  #uncommittedBefore = 0;
  #blockedSinceMs: number | undefined;
  #blockedMs = 0;

  constructor(options: BuffersOptions) {
    this.#options = options;
  }

  /**
   * Called when so many records were handled since the last time. Gives after how many to look again: the fewer, the less room there is for what they change; 0 when tasks have to wait for a commit.
   */
  look(records: number): number {
    const { commits } = this.#options;
    const { uncommittedBytes } = commits;
    this.#bytesPerRecord = Math.max((uncommittedBytes - this.#uncommittedBefore) / records, this.#bytesPerRecord * fading);
    const { congested } = this;
    this.#settle(uncommittedBytes);
    const hasBecomeCongested = this.congested && !congested;
    const isDue = commits.canBegin && commits.isFullWith(uncommittedBytes);
    if (hasBecomeCongested || isDue || this.#isBlockedWith(uncommittedBytes)) return 0;
    const fitting = Math.floor(this.#recordsThatFit(uncommittedBytes) / 2);
    this.#recordsBetweenLooks = Math.max(1, Math.min(recordsBetweenLooksMax, 2 * this.#recordsBetweenLooks, fitting));
    return this.#recordsBetweenLooks;
  }

  /** Between slices, too: lets go of cached entries that are too many. */
  settle(): void {
    this.#settle(this.#options.commits.uncommittedBytes);
  }

  #settle(uncommittedBytes: number): void {
    this.#uncommittedBefore = uncommittedBytes;
    this.#evict();
    this.#lookAtInternal(uncommittedBytes);
    this.#note("uncommitted", uncommittedBytes);
    this.#note("pending", this.#pendingBytes);
  }

  /** Too much is uncommitted while it cannot be sealed, or would be with a few more records: tasks wait. */
  get isBlocked(): boolean {
    return this.#isBlockedWith(this.#options.commits.uncommittedBytes);
  }

  #isBlockedWith(uncommittedBytes: number): boolean {
    const { commits } = this.#options;
    return commits.isBlockedWith(uncommittedBytes) || (!commits.canBegin && this.#recordsThatFit(uncommittedBytes) < recordsToSpare);
  }

  #recordsThatFit(uncommittedBytes: number): number {
    if (this.#bytesPerRecord === 0) return Number.POSITIVE_INFINITY;
    return (this.#options.settings.overlayBytes - uncommittedBytes) / this.#bytesPerRecord;
  }

  /** Before a slice, when everything has come in that was to come. */
  measure(): void {
    this.#note("input", this.#inputBytes);
    this.#note("restore", this.#options.restoringBytes());
    if (this.isBlocked) this.#blockedSinceMs ??= this.#options.now();
    else if (this.#blockedSinceMs !== undefined) {
      this.#blockedMs += this.#options.now() - this.#blockedSinceMs;
      this.#blockedSinceMs = undefined;
    }
  }

  /** What may wait for something outside of one task: each has the same share, so that those in front leave room for those behind. */
  get pendingShare(): number {
    let sharers = 0;
    for (const { pending } of this.#options.tasks()) if (pending !== undefined) sharers++;
    return this.#options.settings.pendingBytes / sharers;
  }

  *gauges(): IterableIterator<Metric> {
    const { settings, tasks, commits, restoringBytes, now } = this.#options;
    const { inputBytes, overlayBytes, cacheBytes, internalBytes, pendingBytes, restoreBytes } = settings;
    const buffers: Readonly<Partial<Record<BufferName, readonly [bytes: number, limit: number]>>> = {
      input: [this.#inputBytes, inputBytes],
      uncommitted: [commits.uncommittedBytes, overlayBytes],
      cache: [this.#cachedBytes, cacheBytes],
      ...(this.#options.internalBytes === undefined ? {} : { internal: [this.#options.internalBytes(), internalBytes] }),
      pending: [this.#pendingBytes, pendingBytes],
      restore: [restoringBytes(), restoreBytes],
    };
    for (const [buffer, [bytes, limit]] of Object.entries(buffers)) {
      this.#note(buffer as BufferName, bytes);
      yield { name: "buffered_bytes", tags: { buffer }, value: bytes };
      yield { name: "buffered_bytes_peak", tags: { buffer }, value: this.#peaks[buffer as BufferName] };
      yield { name: "buffered_bytes_limit", tags: { buffer }, value: limit };
    }
    const paused: Record<PauseReason, number> = { buffer: 0, alignment: 0, internal: 0, application: 0 };
    for (const { inputs } of tasks()) for (const input of inputs) if (input.paused !== undefined) paused[input.paused]++;
    for (const [reason, value] of Object.entries(paused)) yield { name: "paused_partitions", tags: { reason }, value };
    const blockedMs = this.#blockedMs + (this.#blockedSinceMs === undefined ? 0 : now() - this.#blockedSinceMs);
    yield { name: "backpressured_ms", tags: {}, value: blockedMs };
  }

  /** What is not committed will be there soon. The rest of the bound is for what goes from one internal topic to the next before it is purged from the first. */
  #lookAtInternal(uncommittedBytes: number): void {
    const { internalBytes, settings } = this.#options;
    if (internalBytes === undefined) return;
    const bytes = internalBytes();
    this.#note("internal", bytes);
    const share = (bytes + uncommittedBytes) / settings.internalBytes;
    if (share > congestedFrom) this.congested = true;
    else if (share <= congestedFrom / 2) this.congested = false;
  }

  #evict(): void {
    const { settings, tasks } = this.#options;
    const cached = this.#cachedBytes;
    if (cached > settings.cacheBytes) {
      const left = (settings.cacheBytes * cacheLeft) / cached;
      for (const task of tasks()) task.evict(task.cachedBytes * left);
      this.#note("cache", this.#cachedBytes);
    } else this.#note("cache", cached);
  }

  get #inputBytes(): number {
    let bytes = this.#options.undeliveredBytes();
    for (const { inputs } of this.#options.tasks()) for (const input of inputs) bytes += input.bufferedBytes;
    return bytes;
  }

  get #cachedBytes(): number {
    let bytes = 0;
    for (const task of this.#options.tasks()) bytes += task.cachedBytes;
    return bytes;
  }

  get #pendingBytes(): number {
    let bytes = 0;
    for (const { pending } of this.#options.tasks()) if (pending !== undefined) bytes += pending.bytes;
    return bytes;
  }

  #note(buffer: BufferName, bytes: number): void {
    if (bytes > this.#peaks[buffer]) this.#peaks[buffer] = bytes;
  }
}

/** Tells what the topics between the parts of a program hold; undefined where they are not in the memory of this process, or where sources must not wait for them. */
export const internalBytesOf = ({ log, plan, names }: Application): (() => number) | undefined => {
  if (log.heldBytes === undefined) return undefined;
  const inputs = plan.subtopologies.flatMap((one) => one.inputs);
  // A task that reads a table to its end before all else leaves its other inputs alone meanwhile, so the table's own source must not wait until they are read.
  if (inputs.some(({ bootstrap }) => bootstrap === true)) return undefined;
  const between = inputs.filter(({ kind }) => kind === "repartition" || kind === "sink");
  const topics = [...new Set(between.map(({ topic }) => names.of(topic)))];
  if (topics.length === 0) return undefined;
  return () => topics.reduce((sum, topic) => sum + log.heldBytes!(topic), 0);
};
