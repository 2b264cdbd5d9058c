import { reason } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import {
  type Fetched,
  type Fetcher,
  type FetchPosition,
  type Log,
  type LogError,
  partitionId,
  type RecordCursor,
  type TopicPartition,
} from "../ports/log.ts";
import type { Logger } from "../ports/logger.ts";
import type { Metric } from "../ports/metrics.ts";
import type { StoreWrite } from "../ports/store.ts";
import type { Counters } from "./counters.ts";
import { isPassing } from "./insist.ts";
import { pause } from "./pause.ts";
import type { OpenStore, StoreOrigin, TaskStores } from "./task_stores.ts";

/** One store on its way back. */
export interface RestoreProgress {
  readonly task: string;
  readonly store: string;
  readonly partition: number;
  /** Changelog offsets that have been read of those that were missing when it began; markers and what was compacted away count as well. */
  readonly done: number;
  readonly total: number;
  /** Offsets a second since it began. */
  readonly rate: number;
}

/** Where changelogs begin and end, by `partitionId`; the topic of a table that has none ends where the group has committed it. */
export interface Ranges {
  readonly starts: ReadonlyMap<string, number>;
  readonly ends: ReadonlyMap<string, number>;
}

export interface StoreFollowerOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: Counters;
  /** What one fetch brings at most, over all changelogs. */
  readonly fetchBytes: number;
  /** The group that commits how far tables without a changelog go. */
  readonly groupId: string;
  readonly onProgress: (progress: RestoreProgress) => void;
}

/** One changelog that is being read into its store. */
interface Followed {
  readonly stores: TaskStores;
  readonly store: OpenStore;
  readonly origin: StoreOrigin;
  offset: number;
  from: number;
  /** Where a restore ends; undefined for a standby, which has no end. */
  end: number | undefined;
  /** Of a changelog, as last heard; of the topic of a table what is committed, beyond which nothing is read. */
  highWatermark: number;
  readonly sinceMs: number;
  toldMs: number;
  readonly done: () => void;
  readonly fail: (error: unknown) => void;
}

const pollMs = 500;
const partitionBytes = 512 << 10;
/** Other tasks have their turn after so many records. */
const recordsPerBatch = 2_000;
const firstPauseMs = 100;
const longestPauseMs = 10_000;
/** A standby that has read all that was committed of a table's topic looks for more so often. */
const committedEveryMs = 500;
/** How often a restore that takes long says in the log how far it is. */
const tellEveryMs = 10_000;

/**
 * Reads changelogs into stores, in the background and in batches, so that the tasks that run go on: those of tasks that are being opened, up to the ends that the changelogs have now, and those of tasks that others run, for as long as this worker is their standby. All that is being
 * restored is read side by side; standbys wait while there is something to restore.
 */
export class StoreFollower {
  readonly #options: StoreFollowerOptions;
  readonly #followed = new Map<string, Followed>();
  readonly #closed = new AbortController();
  #fetcher: Fetcher | undefined;
  /** Resolves when nothing more is being read; undefined while there is nothing to read. */
  #reading: Promise<void> | undefined;
  /** The last poll has brought nothing: what is restored waits for somebody's transaction, and standbys need not wait with it. */
  #quiet = false;
  /** Fetched and not in a store. */
  #fetchedBytes = 0;
  #committedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: StoreFollowerOptions) {
    this.#options = options;
  }

  /**
   * Brings the stores of a task to the ends of their changelogs. Complete when the read-committed position has reached the high watermark: the last stable offset may lie before a marker that is not written yet, and the last record may be an aborted
   * one, so neither records nor their count say when it is done (KAFKA-10167). When the signal is aborted it resolves at once, and nothing more is written.
   */
  async restore(stores: TaskStores, ranges: Ranges, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const waiting = this.#begin(stores, ranges, true);
    if (waiting.length === 0) return;
    signal.addEventListener("abort", () => this.stop(stores), { once: true });
    await Promise.all(waiting);
  }

  /** Follows the changelogs of a task until `stop`. */
  follow(stores: TaskStores, ranges: Ranges): void {
    this.#begin(stores, ranges, false);
  }

  /**
   * Where the changelogs of these tasks begin and end now.
   * @param positions of inputs, by `partitionId`: where the topics of tables end; asked for where it is not given
   */
  async ranges(tasks: readonly TaskStores[], positions?: ReadonlyMap<string, { readonly offset: number }>): Promise<Ranges> {
    const changelogs = tasks.flatMap(({ origins }) => origins);
    if (changelogs.length === 0) return { starts: new Map(), ends: new Map() };
    const { admin } = this.#options.log;
    const tables = changelogs.filter(({ rows }) => rows !== undefined);
    const [ends, starts, committed] = await Promise.all([
      admin.offsets(changelogs, "latest", "read-uncommitted"),
      admin.offsets(changelogs, "earliest", "read-uncommitted"),
      positions ?? this.#committed(tables),
    ]);
    const upTo = new Map(ends);
    // Beyond it lies what the task has still to handle: a row of it would be there before its time.
    for (const { topic, partition } of tables) {
      const id = partitionId(topic, partition);
      upTo.set(id, Math.min(ends.get(id) ?? 0, committed.get(id)?.offset ?? 0));
    }
    return { starts, ends: upTo };
  }

  async #committed(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, { readonly offset: number }>> {
    if (partitions.length === 0) return new Map();
    return this.#options.log.admin.committed(this.#options.groupId, partitions, { requireStable: false });
  }

  /** Nothing is written into these stores any more. */
  stop(stores: TaskStores): void {
    for (const [id, followed] of this.#followed)
      if (followed.stores === stores) {
        this.#followed.delete(id);
        followed.done();
      }
  }

  follows(stores: TaskStores): boolean {
    return [...this.#followed.values()].some((followed) => followed.stores === stores);
  }

  /** How many offsets a followed task is behind its changelogs, as last heard. */
  lagOf(stores: TaskStores): number {
    let lag = 0;
    for (const followed of this.#followed.values())
      if (followed.stores === stores) lag += Math.max(0, followed.highWatermark - followed.offset);
    return lag;
  }

  /** Read of changelogs and not in a store yet. */
  get bufferedBytes(): number {
    return this.#fetchedBytes + (this.#fetcher?.keptBytes ?? 0);
  }

  *gauges(): IterableIterator<Metric> {
    const nowMs = this.#options.clock.monotonic();
    for (const followed of this.#followed.values()) {
      const { store, stores, offset, end, highWatermark } = followed;
      const tags = { task: stores.id, store: store.name };
      if (end === undefined) yield { name: "standby_lag_records", tags, value: Math.max(0, highWatermark - offset) };
      else {
        yield { name: "restore_remaining_records", tags, value: Math.max(0, end - offset) };
        yield { name: "restore_rate", tags, value: rateOf(followed, nowMs) };
      }
    }
  }

  async close(): Promise<void> {
    this.#closed.abort();
    for (const followed of [...this.#followed.values()]) this.stop(followed.stores);
    await this.#fetcher?.close();
    await this.#reading;
  }

  // ---------------------------------------------------------------- beginning

  #begin(stores: TaskStores, { starts, ends }: Ranges, toTheEnd: boolean): readonly Promise<void>[] {
    if (this.#closed.signal.aborted) return [];
    const waiting: Promise<void>[] = [];
    for (const one of stores.stores) {
      const { origin } = one;
      if (origin === undefined) {
        // What it was when it was here last says nothing of what it would be now.
        if (toTheEnd) one.store.wipe();
        continue;
      }
      const id = partitionId(origin.topic, origin.partition);
      const [start, end] = [starts.get(id) ?? 0, ends.get(id) ?? 0];
      let offset = one.store.position?.changelogOffset ?? start;
      // A position outside the log belongs to another log: the topic was made anew, or the store was left behind for too long.
      if (offset > end || offset < start) {
        one.store.wipe();
        offset = start;
      }
      if (one.store.position === undefined) one.store.write([], { changelogOffset: offset });
      if (toTheEnd && offset >= end) continue;
      const nowMs = this.#options.clock.monotonic();
      const place = { stores, store: one, origin, offset, from: offset, end: toTheEnd ? end : undefined, highWatermark: end };
      const over = new Promise<void>((done, fail) => {
        this.#followed.set(id, { ...place, sinceMs: nowMs, toldMs: nowMs, done, fail });
      });
      // Who waits for it hears of it; for a standby nobody does.
      over.catch(() => {});
      waiting.push(over);
    }
    if (waiting.length > 0) {
      this.#fetcher?.wake();
      this.#reading ??= this.#run();
    }
    return waiting;
  }

  // ---------------------------------------------------------------- reading

  async #run(): Promise<void> {
    this.#fetcher ??= this.#options.log.fetcher({
      isolation: "read-committed",
      partitionBytes,
      totalBytes: this.#options.fetchBytes,
    });
    const fetcher = this.#fetcher;
    let failures = 0;
    try {
      while (this.#followed.size > 0 && !this.#closed.signal.aborted)
        try {
          await this.#lookForMore();
          const fetched = await fetcher.poll(this.#positions(), pollMs);
          this.#quiet = fetched.length === 0;
          this.#fetchedBytes = fetched.reduce((sum, { bytes }) => sum + bytes, 0);
          for (const one of fetched) {
            await this.#takeOne(one);
            this.#fetchedBytes -= one.bytes;
          }
          failures = 0;
        } catch (error) {
          this.#fetchedBytes = 0;
          if (this.#closed.signal.aborted) break;
          if (!isPassing(error)) this.#giveAllUp(error);
          else await this.#wait(failures++, error);
        }
    } finally {
      this.#reading = undefined;
    }
  }

  /** Asks how far tables are committed of which a standby has read what was. */
  async #lookForMore(): Promise<void> {
    const waiting = [...this.#followed.values()].filter(isCaughtUp);
    const nowMs = this.#options.clock.monotonic();
    if (waiting.length === 0 || nowMs - this.#committedAtMs < committedEveryMs) return;
    this.#committedAtMs = nowMs;
    const committed = await this.#committed(waiting.map(({ origin }) => origin));
    for (const followed of waiting) {
      const { topic, partition } = followed.origin;
      followed.highWatermark = Math.max(followed.highWatermark, committed.get(partitionId(topic, partition))?.offset ?? 0);
    }
  }

  #positions(): readonly FetchPosition[] {
    const all = [...this.#followed.values()].filter((followed) => !isCaughtUp(followed));
    const restoring = all.filter(({ end }) => end !== undefined);
    const wanted = restoring.length === 0 || this.#quiet ? all : restoring;
    const bytesMax = Math.max(1, Math.floor(this.#options.fetchBytes / wanted.length));
    return wanted.map(({ origin: { topic, partition }, offset }) => ({ topic, partition, offset, bytesMax }));
  }

  async #takeOne(fetched: Fetched): Promise<void> {
    const id = partitionId(fetched.topic, fetched.partition);
    const followed = this.#followed.get(id);
    if (followed === undefined || followed.offset !== fetched.offset) return;
    try {
      if (fetched.error !== undefined) await this.#failed(id, followed, fetched.error);
      else await this.#take(id, followed, fetched);
    } catch (error) {
      if (isPassing(error)) throw error;
      this.#giveUp(followed.stores, error);
    }
  }

  async #take(id: string, followed: Followed, fetched: Fetched): Promise<void> {
    const { records } = fetched;
    const { store } = followed.store;
    const { rows } = followed.origin;
    const isWanted = (): boolean => this.#followed.get(id) === followed;
    const upTo = rows === undefined ? Number.POSITIVE_INFINITY : (followed.end ?? followed.highWatermark);
    for (let more = true; more; ) {
      const batch: StoreWrite[] = [];
      let [taken, leftOut] = [0, 0];
      while (taken < recordsPerBatch && (more = records.next() && records.offset < upTo)) {
        const pending = rows?.prepare(records);
        if (pending !== undefined) await rows!.wait(records, isWanted, this.#closed.signal);
        const entry = rows === undefined ? entryOf(records) : rows.row(records.key(), records.value(), records.timestamp);
        if (entry !== undefined) batch.push(entry);
        else leftOut++;
        taken++;
        followed.offset = records.offset + 1;
      }
      if (!isWanted()) return;
      if (!more) followed.offset = Math.min(fetched.nextOffset, upTo);
      store.write(batch, { changelogOffset: followed.offset });
      const { counters } = this.#options;
      (followed.end === undefined ? counters.counter("standby_records") : counters.counter("restored_records")).add(taken);
      if (leftOut > 0) counters.counter("restore_left_out_records").add(leftOut);
      if (!more) break;
      await this.#options.clock.yield();
      if (!isWanted()) return;
    }
    if (rows === undefined) followed.highWatermark = fetched.highWatermark;
    this.#tell(followed);
    this.#checkDone(id, followed);
  }

  #checkDone(id: string, followed: Followed): void {
    if (followed.end === undefined || followed.offset < followed.end) return;
    this.#followed.delete(id);
    followed.done();
  }

  #tell(followed: Followed): void {
    const { store, origin, stores, offset, from, end } = followed;
    if (end === undefined) return;
    const nowMs = this.#options.clock.monotonic();
    const [done, total, rate] = [Math.min(offset, end) - from, end - from, rateOf(followed, nowMs)];
    this.#options.onProgress({ task: stores.id, store: store.name, partition: origin.partition, done, total, rate });
    if (nowMs - followed.toldMs < tellEveryMs) return;
    followed.toldMs = nowMs;
    const left = rate > 0 ? `, about ${Math.ceil((total - done) / rate)} s left` : "";
    this.#options.logger.log(
      "info",
      `Task ${stores.id} restores store '${store.name}': ${done} of ${total} changelog records (${Math.floor((done * 100) / total)} %), ${rate} a second${left}`,
    );
  }

  // ---------------------------------------------------------------- faults

  async #failed(id: string, followed: Followed, error: LogError): Promise<void> {
    if (error.code === "OFFSET_OUT_OF_RANGE") {
      // The log was made anew or has lost its beginning meanwhile: what is there so far is not to be trusted, nor where it was to end.
      const { store } = followed;
      const { starts, ends } = await this.ranges([followed.stores]);
      if (this.#followed.get(id) !== followed) return;
      const [start, end] = [starts.get(id) ?? 0, ends.get(id) ?? 0];
      store.store.wipe();
      store.store.write([], { changelogOffset: start });
      followed.offset = followed.from = start;
      if (followed.end !== undefined) followed.end = Math.max(start, Math.min(followed.end, end));
      this.#checkDone(id, followed);
      return;
    }
    throw error;
  }

  /** A task that cannot be restored cannot run; a standby is given up, which costs time when the task has to come here and nothing else. */
  #giveUp(stores: TaskStores, error: unknown): void {
    for (const [id, followed] of this.#followed) {
      if (followed.stores !== stores) continue;
      this.#followed.delete(id);
      followed.fail(error);
      if (followed.end === undefined)
        this.#options.logger.log("warn", `Task ${stores.id} has no standby here any more, as a changelog of it cannot be followed`, {
          topic: followed.origin.topic,
          partition: followed.origin.partition,
          reason: reason(error),
        });
    }
  }

  #giveAllUp(error: unknown): void {
    for (const stores of new Set([...this.#followed.values()].map((followed) => followed.stores))) this.#giveUp(stores, error);
  }

  async #wait(failures: number, error: Error): Promise<void> {
    this.#options.logger.log("warn", "Changelogs cannot be read now: trying again", { reason: error.message });
    await pause(this.#options.clock, Math.min(firstPauseMs * 2 ** failures, longestPauseMs), this.#closed.signal);
  }
}

/** An entry of a changelog. */
const entryOf = (records: RecordCursor): StoreWrite | undefined => {
  const key = records.key();
  return key === null ? undefined : { key, value: records.value() };
};

/** A standby that has all that was committed of a table's topic. */
const isCaughtUp = ({ origin, offset, end, highWatermark }: Followed): boolean =>
  origin.rows !== undefined && end === undefined && offset >= highWatermark;

/** Offsets a second. */
const rateOf = ({ offset, from, sinceMs }: Followed, nowMs: number): number =>
  nowMs === sinceMs ? 0 : Math.round(((offset - from) * 1000) / (nowMs - sinceMs));
