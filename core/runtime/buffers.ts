import type { Metric } from "../ports/metrics.ts";
import type { Application, Settings } from "./application.ts";
import type { Task } from "./sealed_task.ts";
import type { PauseReason } from "./task_input.ts";

/** What an instance holds in memory that is not the state of its program. */
type Buffer = "input" | "uncommitted" | "cache" | "internal" | "pending" | "restore";

export interface BuffersOptions {
  readonly settings: Pick<Settings, "inputBytes" | "overlayBytes" | "cacheBytes" | "internalBytes" | "pendingBytes" | "restoreBytes">;
  readonly tasks: () => Iterable<Task>;
  /** What has arrived for no input yet. */
  readonly undeliveredBytes: () => number;
  readonly commits: { readonly uncommittedBytes: number; readonly isBlocked: boolean; takesMore(uncommittedBytes: number): boolean };
  /** What internal topics hold; absent where they are not in the memory of this process. */
  readonly internalBytes: (() => number) | undefined;
  readonly restoringBytes: () => number;
  /** Milliseconds that never fall. */
  readonly now: () => number;
}

/** Often enough for records of a usual size, seldom enough to cost nothing. */
const recordsBetweenLooksMax = 64;
/** What comes between two looks is to be a small part of the bound. */
const growthShare = 16;
/** Evicting a little more than need be makes room until it is worth looking over the tables again. */
const cacheLeft = 7 / 8;

/** Keeps what a worker buffers within its bounds: looked at while tasks work, between two records. */
export class Buffers {
  readonly #options: BuffersOptions;
  readonly #peaks: Record<Buffer, number> = { input: 0, uncommitted: 0, cache: 0, internal: 0, pending: 0, restore: 0 };
  /** Too much waits in internal topics: no more is to come from sources until it is half as much. */
  congested = false;
  #recordsBetweenLooks = 1;
  #uncommittedBefore = 0;
  #blockedSinceMs: number | undefined;
  #blockedMs = 0;

  constructor(options: BuffersOptions) {
    this.#options = options;
  }

  /** Lets go of cached entries that are too many. Gives after how many records to look again; 0 when tasks have to wait for a commit. */
  look(): number {
    const { settings, commits } = this.#options;
    this.#evict();
    const { uncommittedBytes } = commits;
    this.#note("uncommitted", uncommittedBytes);
    this.#note("pending", this.#pendingBytes);
    const grewMuch = (uncommittedBytes - this.#uncommittedBefore) * growthShare > settings.overlayBytes;
    this.#uncommittedBefore = uncommittedBytes;
    this.#recordsBetweenLooks = grewMuch
      ? Math.max(1, this.#recordsBetweenLooks >> 2)
      : Math.min(recordsBetweenLooksMax, this.#recordsBetweenLooks << 1);
    const { congested } = this;
    this.#lookAtInternal(uncommittedBytes);
    const isNew = this.congested && !congested;
    return commits.takesMore(uncommittedBytes) && !isNew ? this.#recordsBetweenLooks : 0;
  }

  /** Before a slice, when everything has come in that was to come. */
  measure(): void {
    this.#note("input", this.#inputBytes);
    this.#note("restore", this.#options.restoringBytes());
    const { isBlocked } = this.#options.commits;
    if (isBlocked) this.#blockedSinceMs ??= this.#options.now();
    else if (this.#blockedSinceMs !== undefined) {
      this.#blockedMs += this.#options.now() - this.#blockedSinceMs;
      this.#blockedSinceMs = undefined;
    }
  }

  /** How many bytes more may wait for something outside. */
  get pendingRoom(): number {
    return this.#options.settings.pendingBytes - this.#pendingBytes;
  }

  *gauges(): IterableIterator<Metric> {
    const { settings, tasks, commits, restoringBytes, now } = this.#options;
    const { inputBytes, overlayBytes, cacheBytes, internalBytes, pendingBytes, restoreBytes } = settings;
    const buffers: Readonly<Partial<Record<Buffer, readonly [bytes: number, limit: number]>>> = {
      input: [this.#inputBytes, inputBytes],
      uncommitted: [commits.uncommittedBytes, overlayBytes],
      cache: [this.#cachedBytes, cacheBytes],
      ...(this.#options.internalBytes === undefined ? {} : { internal: [this.#options.internalBytes(), internalBytes] }),
      pending: [this.#pendingBytes, pendingBytes],
      restore: [restoringBytes(), restoreBytes],
    };
    for (const [buffer, [bytes, limit]] of Object.entries(buffers)) {
      this.#note(buffer as Buffer, bytes);
      yield { name: "buffered_bytes", tags: { buffer }, value: bytes };
      yield { name: "buffered_bytes_peak", tags: { buffer }, value: this.#peaks[buffer as Buffer] };
      yield { name: "buffered_bytes_limit", tags: { buffer }, value: limit };
    }
    const paused: Record<PauseReason, number> = { buffer: 0, alignment: 0, internal: 0, application: 0 };
    for (const { inputs } of tasks()) for (const input of inputs) if (input.paused !== undefined) paused[input.paused]++;
    for (const [reason, value] of Object.entries(paused)) yield { name: "paused_partitions", tags: { reason }, value };
    const blockedMs = this.#blockedMs + (this.#blockedSinceMs === undefined ? 0 : now() - this.#blockedSinceMs);
    yield { name: "backpressured_ms", tags: {}, value: blockedMs };
  }

  /** What is not committed will be there soon. */
  #lookAtInternal(uncommittedBytes: number): void {
    const { internalBytes, settings } = this.#options;
    if (internalBytes === undefined) return;
    const bytes = internalBytes();
    this.#note("internal", bytes);
    if (bytes + uncommittedBytes > settings.internalBytes) this.congested = true;
    else if (2 * (bytes + uncommittedBytes) <= settings.internalBytes) this.congested = false;
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
    for (const { pending } of this.#options.tasks()) bytes += pending.bytes;
    return bytes;
  }

  #note(buffer: Buffer, bytes: number): void {
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
