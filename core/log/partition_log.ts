import type { Clock } from "../ports/clock.ts";
import { type Isolation, noHeaders } from "../ports/log.ts";
import { recordBytes, recordOverheadMax } from "../record_bytes.ts";
import { AbortedIndex, type AbortedTransaction } from "./aborted_index.ts";
import { compacted } from "./compaction.ts";
import { logError } from "./disposition.ts";
import { ProducerStates } from "./producer_states.ts";
import { type BatchStamp, type Marker, RecordBatch } from "./record_batch.ts";
import { RecordColumns } from "./record_columns.ts";
import type { TopicSettings } from "./topic_settings.ts";

/** What a producer wants appended: a range of columns that nobody changes any more. */
export interface ProducedBatch extends BatchStamp {
  readonly columns: RecordColumns;
  readonly from: number;
  readonly to: number;
  readonly sequence: number;
}

/** What the partition gives for a fetch: batches as they lie there, control batches and aborted ones among them. */
export interface FetchedBatches {
  readonly batches: readonly RecordBatch[];
  /** Where to begin in the first batch, and where to stop in the last one. */
  readonly firstFrom: number;
  readonly lastTo: number;
  /** Aborted transactions that overlap, in the order in which they ended; null where the reader wants everything. */
  readonly aborted: readonly AbortedTransaction[] | null;
  readonly nextOffset: number;
  readonly bytes: number;
  readonly lastStableOffset: number;
  readonly highWatermark: number;
  readonly logStartOffset: number;
}

export interface PartitionOptions {
  readonly clock: Clock;
  /** A compacted topic's partition compacts itself when so much, and as much as was left the last time, has been appended. */
  readonly compactionBytes: number;
}

/** Batches below this many bytes are copied together, so that a log of tiny transactions is not a heap of tiny arrays. */
const adoptBytes = 16_384;
const arenaBytesMax = 65_536;

/**
 * One partition: batches in the order of their offsets, who may append next, which transactions are open, which were aborted. All records are replicated as
 * soon as they are appended, so the high watermark is the end.
 */
export class PartitionLog {
  readonly topic: string;
  readonly partition: number;
  readonly settings: TopicSettings;
  private readonly clock: Clock;
  private readonly compactionBytes: number;
  private readonly producers = new ProducerStates();
  private readonly aborted = new AbortedIndex();
  /** First offset of every open transaction, by producer id. A new one begins at the end, so the first entry has the smallest offset. */
  private readonly open = new Map<number, number>();
  private batches: RecordBatch[] = [];
  /** Batches before this index are gone; the array is shortened only now and then. */
  private head = 0;
  private arena = new RecordColumns(0, 0);
  private startOffset = 0;
  private nextOffset = 0;
  private heldBytes = 0;
  private appendedBytes = 0;
  /** How much has to be appended until compaction is worth while again. */
  private compactAt: number;
  private readonly watchers: Record<Isolation, Set<() => void>> = { "read-committed": new Set(), "read-uncommitted": new Set() };

  constructor(topic: string, partition: number, settings: TopicSettings, { clock, compactionBytes }: PartitionOptions) {
    this.topic = topic;
    this.partition = partition;
    this.settings = settings;
    this.clock = clock;
    this.compactionBytes = settings.compacts ? compactionBytes : Number.POSITIVE_INFINITY;
    this.compactAt = this.compactionBytes;
  }

  get logStartOffset(): number {
    return this.startOffset;
  }

  get highWatermark(): number {
    return this.nextOffset;
  }

  /** Below it every transaction has ended. */
  get lastStableOffset(): number {
    if (this.open.size === 0) return this.nextOffset;
    const first = this.open.values().next().value!;
    if (first >= this.startOffset) return first;
    // When an open transaction has lost its beginning, a broker names the batch in which the log now starts, though it may begin before that.
    return Math.min(this.startOffset, this.batches[this.head]?.baseOffset ?? this.startOffset);
  }

  /** What lies here now. */
  get bytes(): number {
    return this.heldBytes;
  }

  end(isolation: Isolation): number {
    return isolation === "read-committed" ? this.lastStableOffset : this.nextOffset;
  }

  /** In this very epoch: the transaction of an epoch before may still wait for its marker. */
  hasOpenTransaction(producerId: number, producerEpoch: number): boolean {
    return this.open.has(producerId) && this.producers.epochOf(producerId) === producerEpoch;
  }

  /**
   * Appends a batch and gives the offset of its first record; a repetition is not appended again and gives the offset of the first time.
   *
   * @throws LogError where Kafka's leader refuses: fenced epoch, wrong sequence, record too large, timestamp out of range, missing key
   */
  append(batch: ProducedBatch): number {
    const now = this.clock.now();
    const count = batch.to - batch.from;
    const repeated = this.producers.check(batch.producerId, batch.producerEpoch, batch.sequence, count);
    if (repeated !== undefined) return repeated;
    this.refuseUnfit(batch, now);
    const stable = this.lastStableOffset;
    const baseOffset = this.nextOffset;
    this.producers.appended(batch.producerId, batch.producerEpoch, batch.sequence, count, baseOffset, now);
    if (batch.transactional && !this.open.has(batch.producerId)) this.open.set(batch.producerId, baseOffset);
    this.push(this.settle(batch, baseOffset, now));
    this.tidy(now);
    this.tell(stable);
    return baseOffset;
  }

  /** Ends a producer's transaction in this partition. The marker takes an offset even where the transaction had no record here. */
  appendMarker(producerId: number, producerEpoch: number, marker: Marker): void {
    const now = this.clock.now();
    const stable = this.lastStableOffset;
    const offset = this.nextOffset;
    const firstOffset = this.open.get(producerId);
    this.open.delete(producerId);
    this.producers.marked(producerId, producerEpoch, now);
    this.push(RecordBatch.ofMarker(offset, marker, producerId, now));
    if (marker === "abort" && firstOffset !== undefined)
      this.aborted.add({ producerId, firstOffset, lastOffset: offset }, this.lastStableOffset);
    this.tidy(now);
    this.tell(stable);
  }

  /**
   * Batches from an offset on that together weigh no more than `maxBytes`, cut where it is reached; at least one record when `atLeastOne` says so.
   *
   * @throws LogError OFFSET_OUT_OF_RANGE
   */
  fetch(offset: number, isolation: Isolation, maxBytes: number, atLeastOne: boolean): FetchedBatches {
    if (!(offset >= this.startOffset && offset <= this.nextOffset))
      throw this.error("OFFSET_OUT_OF_RANGE", `offset ${offset} is not in it: it holds ${this.startOffset} to ${this.nextOffset}`, offset);
    const end = this.end(isolation);
    const batches: RecordBatch[] = [];
    let [firstFrom, lastTo, bytes, next] = [0, 0, 0, offset];
    for (let i = this.indexOf(offset); next < end; i++) {
      const batch = this.batches[i];
      // Behind the last batch there may be offsets that compaction has emptied.
      if (batch === undefined || batch.baseOffset >= end) {
        next = end;
        break;
      }
      const from = batches.length === 0 ? batch.recordAt(offset) : batch.from;
      const weight = from === batch.from ? batch.bytes : (batch.columns?.weigh(from, batch.to) ?? batch.bytes);
      let to = batch.to;
      if (bytes + weight > maxBytes) {
        if (batch.columns !== null) to = batch.columns.fitting(from, batch.to, maxBytes - bytes);
        if (to === from && !(atLeastOne && batches.length === 0)) break;
        to = Math.max(to, Math.min(from + 1, batch.to));
      }
      if (batches.length === 0) firstFrom = from;
      batches.push(batch);
      lastTo = to;
      bytes += to === batch.to ? weight : batch.columns!.weigh(from, to);
      next = to === batch.to ? batch.lastOffset + 1 : batch.offsetAt(to);
      if (to !== batch.to) break;
    }
    return {
      batches,
      firstFrom,
      lastTo,
      aborted: isolation === "read-committed" ? this.aborted.between(offset, next) : null,
      nextOffset: next,
      bytes,
      lastStableOffset: this.lastStableOffset,
      highWatermark: this.nextOffset,
      logStartOffset: this.startOffset,
    };
  }

  /** The first offset whose record is not older than the timestamp, else the end. Markers count, as they do in Kafka. */
  offsetAt(timestamp: number, isolation: Isolation): number {
    const end = this.end(isolation);
    for (let i = this.head; i < this.batches.length; i++) {
      const batch = this.batches[i]!;
      if (batch.baseOffset >= end) break;
      if (batch.maxTimestamp < timestamp || batch.lastOffset < this.startOffset) continue;
      if (batch.columns === null) return batch.baseOffset;
      for (let record = batch.recordAt(this.startOffset); record < batch.to; record++)
        if (batch.columns.timestamps[record]! >= timestamp) return batch.offsetAt(record);
    }
    return end;
  }

  /**
   * Moves the start of the log. -1 stands for its end.
   *
   * @throws LogError POLICY_VIOLATION for a topic that is only compacted, OFFSET_OUT_OF_RANGE behind the end
   */
  deleteUpTo(offset: number): void {
    if (!this.settings.deletes) throw this.error("POLICY_VIOLATION", "its records cannot be deleted: add 'delete' to its cleanup.policy");
    const target = offset === -1 ? this.nextOffset : offset;
    if (!(target >= 0 && target <= this.nextOffset))
      throw this.error("OFFSET_OUT_OF_RANGE", `its records cannot be deleted up to ${offset}: it ends at ${this.nextOffset}`, offset);
    if (target > this.startOffset) this.moveStart(target);
  }

  /** Drops what is older or more than the topic keeps: whole batches, and nothing of an open transaction. */
  expire(nowMs: number): void {
    const { retentionMs, retentionBytes } = this.settings;
    if (retentionMs === Number.POSITIVE_INFINITY && retentionBytes === Number.POSITIVE_INFINITY) return;
    const stable = this.lastStableOffset;
    let start = this.startOffset;
    let held = this.heldBytes;
    for (let i = this.head; i < this.batches.length; i++) {
      const batch = this.batches[i]!;
      if (batch.lastOffset >= stable) break;
      if (!(batch.maxTimestamp < nowMs - retentionMs || held - batch.bytes >= retentionBytes)) break;
      held -= batch.bytes;
      start = batch.lastOffset + 1;
    }
    if (start > this.startOffset) this.moveStart(start);
  }

  /** Leaves of everything below the last stable offset only the newest committed record of each key; for topics whose policy says so. */
  compact(): void {
    if (!this.settings.compacts) return;
    const stable = this.lastStableOffset;
    const end = this.indexOf(stable);
    const kept = compacted(
      {
        batches: this.batches.slice(this.head, end),
        aborted: this.aborted.between(this.startOffset, stable),
        startOffset: this.startOffset,
      },
      { nowMs: this.clock.now(), tombstonesMs: this.settings.deleteRetentionMs },
    );
    const cleanBytes = kept.reduce((sum, batch) => sum + batch.bytes, 0);
    this.batches = [...kept, ...this.batches.slice(end)];
    this.head = 0;
    this.heldBytes = this.batches.reduce((sum, batch) => sum + batch.bytes, 0);
    this.aborted.dropBefore(stable);
    // As much again as is left has to come before the next time, so that each byte is copied about once.
    this.compactAt = this.appendedBytes + Math.max(this.compactionBytes, cleanBytes);
  }

  /** Calls back when a reader of this isolation may find more; until the answer is called. */
  watch(isolation: Isolation, callback: () => void): () => void {
    this.watchers[isolation].add(callback);
    return () => this.watchers[isolation].delete(callback);
  }

  /** Tells all who wait that this partition is no more. */
  vanish(): void {
    for (const watchers of Object.values(this.watchers)) for (const callback of [...watchers]) callback();
  }

  private refuseUnfit({ columns, from, to }: ProducedBatch, nowMs: number): void {
    const { settings } = this;
    if (settings.compacts && columns.nullKeys > 0)
      throw this.error("INVALID_RECORD", "a record without a key cannot be compacted: give it one");
    if (columns.largestBytes + recordOverheadMax > settings.maxMessageBytes)
      for (let i = from; i < to; i++) {
        const bytes = recordBytes(columns.key(i), columns.value(i), columns.headers?.[i] ?? noHeaders);
        if (bytes > settings.maxMessageBytes)
          throw this.error(
            "MESSAGE_TOO_LARGE",
            `a record of ${bytes} bytes is larger than its max.message.bytes = ${settings.maxMessageBytes} allows: raise the setting or make the record smaller`,
          );
      }
    if (settings.logAppendTime) return;
    const { timestamps } = columns;
    const latest = nowMs + settings.timestampAfterMaxMs;
    if (columns.maxTimestamp > latest)
      throw this.error(
        "INVALID_TIMESTAMP",
        `timestamp ${columns.maxTimestamp} lies too far ahead of the log's clock (${nowMs}): message.timestamp.after.max.ms = ${settings.timestampAfterMaxMs}`,
      );
    if (settings.timestampBeforeMaxMs === Number.POSITIVE_INFINITY) return;
    const earliest = nowMs - settings.timestampBeforeMaxMs;
    for (let i = from; i < to; i++)
      if (timestamps[i]! < earliest && timestamps[i] !== -1)
        throw this.error(
          "INVALID_TIMESTAMP",
          `timestamp ${timestamps[i]} lies too far behind the log's clock (${nowMs}): message.timestamp.before.max.ms = ${settings.timestampBeforeMaxMs}`,
        );
  }

  /** Finds the records their place: large batches stay in the arrays in which they came, small ones are copied together. */
  private settle(batch: ProducedBatch, baseOffset: number, nowMs: number): RecordBatch {
    const { columns, from, to } = batch;
    const bytes = columns.start(to) - columns.start(from);
    if (bytes >= adoptBytes && !this.settings.logAppendTime) {
      columns.trim();
      return RecordBatch.ofRecords(baseOffset, columns, from, to, batch);
    }
    if (this.arena.used + bytes > arenaBytesMax) this.arena = new RecordColumns(0, 0);
    const first = this.arena.appendRange(columns, from, to);
    if (this.settings.logAppendTime) this.arena.timestamps.fill(nowMs, first, this.arena.count);
    return RecordBatch.ofRecords(baseOffset, this.arena, first, this.arena.count, batch);
  }

  private tidy(nowMs: number): void {
    this.expire(nowMs);
    if (this.appendedBytes >= this.compactAt) this.compact();
  }

  private push(batch: RecordBatch): void {
    this.batches.push(batch);
    this.nextOffset = batch.lastOffset + 1;
    this.heldBytes += batch.bytes;
    this.appendedBytes += batch.bytes;
  }

  private moveStart(offset: number): void {
    this.startOffset = offset;
    let { head } = this;
    while (head < this.batches.length && this.batches[head]!.lastOffset < offset) this.heldBytes -= this.batches[head++]!.bytes;
    // Their records are let go at once; the array is shortened when half of it is dead, which costs each batch one copy at most.
    this.batches.fill(gone, this.head, head);
    this.head = head;
    this.aborted.dropBefore(offset);
    if (head * 2 > this.batches.length) {
      this.batches = this.batches.slice(head);
      this.head = 0;
    }
  }

  /** Index of the first batch that ends at the offset or after it. */
  private indexOf(offset: number): number {
    let [low, high] = [this.head, this.batches.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.batches[middle]!.lastOffset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private tell(stableBefore: number): void {
    for (const callback of this.watchers["read-uncommitted"]) callback();
    if (this.lastStableOffset > stableBefore) for (const callback of this.watchers["read-committed"]) callback();
  }

  private error(
    code: "OFFSET_OUT_OF_RANGE" | "POLICY_VIOLATION" | "INVALID_RECORD" | "MESSAGE_TOO_LARGE" | "INVALID_TIMESTAMP",
    what: string,
    offset?: number,
  ) {
    return logError(code, `Partition ${this.topic}/${this.partition}: ${what}`, { topic: this.topic, partition: this.partition, offset });
  }
}

/** Stands where a batch was. */
const gone = RecordBatch.ofMarker(-1, "commit", -1, -1);
