import * as E from "fp-ts/lib/Either.js";
import { DecodeError, reason } from "../errors.ts";
import { type Fetched, noHeaders, partitionId, type RawHeaders, type RecordCursor } from "../ports/log.ts";
import { RecordMeta, SourceRecord } from "../record.ts";
import { readsInPlace } from "../serde/in_place.ts";
import { SourceTime } from "../time/source_time.ts";
import type { InputChecks } from "./input_checks.ts";
import type { Stops } from "./offset_metadata.ts";
import type { InputPlan } from "./plan.ts";
import { type PutOff, readPutOff, replayOf } from "./put_off.ts";
import type { UpstreamVector } from "./upstream_vector.ts";
import { decodeUpstreamTime, isWatermark, type UpstreamTime } from "./watermark_record.ts";

interface RecordHead {
  readonly kind: "record";
  readonly value: unknown;
  readonly record: RecordMeta;
}

/** What stands at the head of an input, until it is consumed. */
export type Head =
  | RecordHead
  | { readonly kind: "watermark"; readonly time: UpstreamTime }
  | { readonly kind: "error"; readonly error: DecodeError };

/** A record as it came in, before anything was made of it. */
export interface RawRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly timestamp: number;
  readonly headers: RawHeaders;
}

/** Why a partition is not read: it has much waiting here, it is ahead of its alignment group, what was made of it waits in internal topics, or the application is paused. */
export type PauseReason = "buffer" | "alignment" | "internal" | "application";

/** Where an input stood when it was committed. */
export interface InputPosition {
  readonly offset: number;
  readonly watermark: number;
  readonly streamTime: number;
  readonly stops?: Stops;
  /** Of a task's first input: the watermarks of those of its steps that join several. */
  readonly joined?: readonly number[];
}

/**
 * One partition of one input of a task: what was fetched and not handled yet, decoded one record at a time, and the position, watermark and idleness of the partition.
 */
export class TaskInput {
  readonly id: string;
  /** Its place among the inputs of the sub-topology. */
  readonly index: number;
  readonly plan: InputPlan;
  readonly topic: string;
  readonly partition: number;
  /** Next offset to handle: what is committed. */
  position: number;
  /** Records handled since the task was opened. */
  handled = 0;
  head: Head | undefined;
  headTimestamp: number = Number.NEGATIVE_INFINITY;
  /** Times the head was tried and failed. */
  attempts = 0;
  /** Nothing is taken from here before this moment of the monotonic clock. */
  notBeforeMs: number = Number.NEGATIVE_INFINITY;
  /** What the head waits for, such as a schema. */
  waiting: Promise<void> | undefined;
  /** Ahead of its alignment group: not taken from for now. */
  heldBack = false;
  /** Too much of what was made of sources waits to be read: a source is not taken from for now. */
  congested = false;
  /** The exclusive end of a bounded input. */
  endOffset: number = Number.POSITIVE_INFINITY;
  streamTime: number;
  /** Of a source; a repartition topic has a vector instead. */
  readonly source: SourceTime | undefined;
  readonly vector: UpstreamVector | undefined;
  /** The watermark with which the task's last advance was finished. */
  doneWatermark: number;
  /** Since when the position has stood at the partition's end, by the monotonic clock; undefined when it does not. */
  atEndSinceMs: number | undefined;
  idle = false;
  knownEnd = 0;

  /** A record ahead that has stopped instances, here or elsewhere. */
  stops: Stops | undefined;
  /** It was this task that it stopped last. */
  stopsNoted = false;
  /** Asked at the end: what was put off belongs to this input still. */
  awaits: (() => boolean) | undefined;
  /** Of the head, when it was put off: where it comes from. */
  putOff: PutOff | undefined;
  /** Of the head, when it is replayed: by which replay. */
  replay: string | undefined;

  /** Why the head could not be prepared, and since when: the registry is away, which is no fault of the record. */
  unprepared: { readonly error: unknown; readonly sinceMs: number; told: boolean } | undefined;

  /** Why no more is asked for; undefined when it is. */
  paused: PauseReason | undefined;
  #pausedSinceMs = 0;
  #pausedMs = 0;
  /** Bytes of what was fetched and is not done with, each fetch until its last record is handled. */
  #queuedBytes = 0;
  readonly #checks: InputChecks;
  readonly #keyInPlace: boolean;
  readonly #valueInPlace: boolean;
  /** The head, where it is a record: made once, since there is only ever one. */
  readonly #recordHead: { -readonly [P in keyof RecordHead]: RecordHead[P] } = { kind: "record", value: undefined, record: noRecord };
  readonly #chunks: Fetched[] = [];
  /** The cursor stands on a record that is not decoded yet. */
  #positioned = false;
  /** Of the record at the cursor, when it was put off: by the monotonic clock, when it is its turn. */
  #dueMs = Number.NEGATIVE_INFINITY;
  /** Of the record at the cursor, without what is ours. */
  #headers: RawHeaders = noHeaders;
  #chunk: Fetched | undefined;
  /** Since when it is being read, by the monotonic clock. */
  #chunkSinceMs = Number.NEGATIVE_INFINITY;

  constructor(
    index: number,
    plan: InputPlan,
    topic: string,
    partition: number,
    at: InputPosition,
    vector: UpstreamVector | undefined,
    checks: InputChecks,
  ) {
    this.index = index;
    this.#checks = checks;
    this.plan = plan;
    this.#keyInPlace = readsInPlace(plan.key);
    this.#valueInPlace = readsInPlace(plan.value);
    this.topic = topic;
    this.partition = partition;
    this.id = partitionId(topic, partition);
    this.position = at.offset;
    this.streamTime = at.streamTime;
    this.doneWatermark = at.watermark;
    this.vector = vector;
    this.source = plan.time === undefined || plan.kind === "retry" ? undefined : new SourceTime(plan.time.watermarks, at.watermark);
    this.stops = at.stops;
  }

  /** Where the next fetch goes on. */
  get fetchPosition(): number {
    return (this.#chunks.at(-1) ?? this.#chunk)?.nextOffset ?? this.position;
  }

  get finished(): boolean {
    return (this.position >= this.endOffset || (this.vector?.finished ?? false)) && this.awaits?.() !== true;
  }

  get watermark(): number {
    if (this.finished) return Number.POSITIVE_INFINITY;
    return this.source?.watermark ?? this.vector?.watermark ?? Number.POSITIVE_INFINITY;
  }

  /** A source ends where the bounds say; what they do not name is empty. Repartition topics end when their writers say so, and retry topics have no end of their own. */
  endAt(bounds: ReadonlyMap<string, number>): void {
    if (this.vector === undefined && this.plan.kind !== "retry") this.endOffset = bounds.get(this.id) ?? 0;
  }

  offer(fetched: Fetched): void {
    this.knownEnd = Math.max(this.knownEnd, fetched.highWatermark);
    this.atEndSinceMs = undefined;
    this.idle = false;
    this.#chunks.push(fetched);
    this.#queuedBytes += fetched.bytes;
  }

  /** Bytes fetched and not handled, with what the batch at hand was unpacked to. */
  get bufferedBytes(): number {
    return this.#queuedBytes + (this.#chunk?.records.unpackedBytes ?? 0);
  }

  /** Offsets fetched and not handled: so many records, or fewer where some are not visible. */
  get bufferedRecords(): number {
    return Math.max(0, this.fetchPosition - this.position);
  }

  /** No more is asked for from now on, or it is again. */
  pause(reason: PauseReason | undefined, nowMs: number): void {
    if (this.paused === reason) return;
    this.#pausedMs = this.pausedMs(nowMs);
    this.#pausedSinceMs = nowMs;
    this.paused = reason;
  }

  /** For how long it was not asked for more since the task was opened. */
  pausedMs(nowMs: number): number {
    return this.#pausedMs + (this.paused === undefined ? 0 : nowMs - this.#pausedSinceMs);
  }

  get isEmpty(): boolean {
    return this.#chunk === undefined && this.#chunks.length === 0;
  }

  /** Brings the next record to the head; false when nothing can be taken now. */
  load(nowMs: number): boolean {
    if (this.heldBack || this.congested || nowMs < this.notBeforeMs) return false;
    if (this.head !== undefined) return true;
    if (this.waiting !== undefined) return false;
    if (this.#positioned) return this.#decode(nowMs);
    for (;;) {
      if (this.#chunk === undefined) {
        const next = this.#chunks.shift();
        if (next === undefined) return false;
        this.#chunk = next;
        this.#chunkSinceMs = nowMs;
      }
      const chunk = this.#chunk;
      if (this.position >= this.endOffset) {
        this.clear();
        return false;
      }
      if (!chunk.records.next()) {
        this.position = Math.max(this.position, chunk.nextOffset);
        this.#queuedBytes -= chunk.bytes;
        this.#chunk = undefined;
        continue;
      }
      // A chunk may begin before the position when it was fetched for an earlier one.
      if (chunk.records.offset < this.position) continue;
      if (chunk.records.offset >= this.endOffset) {
        this.position = chunk.records.offset;
        this.clear();
        return false;
      }
      this.#positioned = true;
      this.#readHeaders(nowMs);
      return this.#decode(nowMs);
    }
  }

  /** The offset of the head in the topic that is read. */
  get headOffset(): number | undefined {
    return this.head === undefined ? undefined : this.#chunk!.records.offset;
  }

  /** Of key and value of the head, as they came in. */
  get headBytes(): number {
    const { records } = this.#chunk!;
    return (
      (records.keyStart < 0 ? 0 : records.keyEnd - records.keyStart) + (records.valueStart < 0 ? 0 : records.valueEnd - records.valueStart)
    );
  }

  /** How often the head has stopped instances before. */
  get headStops(): number {
    return this.stops !== undefined && this.stops.offset === this.headOffset ? this.stops.times : 0;
  }

  /** The head was handled, or left out on purpose. */
  consume(): void {
    this.position = this.#chunk!.records.offset + 1;
    if (this.head!.kind === "record") this.handled++;
    this.head = undefined;
    this.#positioned = false;
    this.attempts = 0;
  }

  /** As it came in first: undecoded, for a dead-letter topic. */
  raw(): RawRecord {
    const { records } = this.#chunk!;
    const { topic, partition, offset, timestamp } = this.#origin;
    return { key: records.key(), value: records.value(), headers: this.#headers, topic, partition, offset, timestamp };
  }

  /** Forgets what was fetched. */
  clear(): void {
    this.#chunks.length = 0;
    this.#chunk = undefined;
    this.#queuedBytes = 0;
    this.head = undefined;
    this.#positioned = false;
    this.waiting = undefined;
    this.unprepared = undefined;
    this.attempts = 0;
    this.atEndSinceMs = undefined;
  }

  #readHeaders(nowMs: number): void {
    const headers = this.#chunk!.records.headers();
    this.putOff = undefined;
    this.replay = undefined;
    this.#headers = headers;
    if (this.plan.kind === "retry") {
      const { about, headers: own } = readPutOff(headers);
      this.putOff = about;
      this.replay = about.replay;
      this.#headers = own;
      this.#dueMs = Math.min(nowMs + this.#checks.untilMs(about.atMs), this.#chunkSinceMs + about.delayMs);
    } else if (headers.length > 0) {
      this.replay = replayOf(headers);
      if (this.replay !== undefined) this.#headers = headers.slice(0, -1);
    }
  }

  /** Where the record at the cursor came in first, and its timestamp there. */
  get #origin(): { readonly topic: string; readonly partition: number; readonly offset: number; readonly timestamp: number } {
    const { topic, partition, putOff } = this;
    if (putOff !== undefined) return putOff;
    const { offset, timestamp } = this.#chunk!.records;
    return { topic, partition, offset, timestamp };
  }

  #decode(nowMs: number): boolean {
    const { records } = this.#chunk!;
    if (nowMs < this.#dueMs) {
      this.notBeforeMs = this.#dueMs;
      return false;
    }
    if (this.vector !== undefined && records.keyStart < 0 && records.valueStart >= 0 && isWatermark(this.#headers)) {
      this.headTimestamp = Number.NEGATIVE_INFINITY;
      this.head = { kind: "watermark", time: decodeUpstreamTime(records.value()!) };
      return true;
    }
    const tooLarge = this.#checks.size(this.headBytes);
    if (tooLarge !== undefined) {
      this.#fail(new DecodeError("LIMIT_EXCEEDED", tooLarge), "value");
      return true;
    }
    const { key, value } = this.plan;
    const pending =
      (key.prepare === undefined || records.keyStart < 0 ? undefined : key.prepare(records.key()!, this.topic)) ??
      (value.prepare === undefined || records.valueStart < 0 ? undefined : value.prepare(records.value()!, this.topic));
    if (pending !== undefined) {
      const chunk = this.#chunk;
      const waiting: Promise<void> = pending.then(
        () => this.#prepared(waiting, chunk, undefined, nowMs),
        (error) => this.#prepared(waiting, chunk, error, nowMs),
      );
      this.waiting = waiting;
      return false;
    }
    this.#settle(records);
    return true;
  }

  /** The schema is here, or will not come: the head can be decoded, or is an error, or is tried again. */
  #prepared(waiting: Promise<void>, chunk: Fetched | undefined, error: unknown, nowMs: number): void {
    if (this.waiting !== waiting || this.#chunk !== chunk) return;
    this.waiting = undefined;
    if (error === undefined) this.unprepared = undefined;
    else if (error instanceof DecodeError) this.#fail(error, "value");
    else {
      this.unprepared = { error, sinceMs: this.unprepared?.sinceMs ?? nowMs, told: this.unprepared?.told ?? false };
      this.notBeforeMs = nowMs + prepareBackoffMs;
    }
  }

  #settle(records: RecordCursor): void {
    const { plan, putOff } = this;
    const topic = putOff === undefined ? this.topic : putOff.topic;
    let key: unknown = null;
    if (records.keyStart >= 0) {
      if (plan.checkPartitioning && this.#checks.wantsKey()) this.#checks.key(records.key()!);
      const decoded = this.#keyInPlace
        ? plan.key.read!(records.bytes, records.keyStart, records.keyEnd)
        : plan.key.deserialize(records.key()!, topic);
      if (E.isLeft(decoded)) return this.#fail(decoded.left, "key");
      key = decoded.right;
    }
    let value: unknown = null;
    if (records.valueStart >= 0) {
      const decoded = this.#valueInPlace
        ? plan.value.read!(records.bytes, records.valueStart, records.valueEnd)
        : plan.value.deserialize(records.value()!, topic);
      if (E.isLeft(decoded)) return this.#fail(decoded.left, "value");
      value = decoded.right;
    } else if (!plan.table && plan.value.takesNull !== true)
      return this.#fail(
        new DecodeError(
          "NULL_VALUE",
          "The record has no value: read the topic as a table, or make its serde nullable(...) if that is meant",
        ),
        "value",
      );
    const headers = this.#headers;
    const partition = putOff === undefined ? this.partition : putOff.partition;
    const offset = putOff === undefined ? records.offset : putOff.offset;
    let timestamp = putOff === undefined ? records.timestamp : putOff.timestamp;
    const extract = plan.time?.timestamp;
    if (extract !== undefined && (value !== null || !plan.table)) {
      try {
        timestamp = extract(value, new SourceRecord(key, timestamp, headers, topic, partition, offset, this.streamTime));
      } catch (thrown) {
        return this.#fail(
          new DecodeError("BAD_TIMESTAMP", `The timestamp function threw: ${reason(thrown)}`, { cause: thrown }),
          "timestamp",
        );
      }
    }
    const wrong = this.#checks.timestamp(timestamp);
    if (wrong !== undefined) return this.#fail(new DecodeError("BAD_TIMESTAMP", wrong), "timestamp");
    this.headTimestamp = timestamp;
    const head = this.#recordHead;
    head.value = value;
    head.record = new RecordMeta(key, timestamp, headers, topic, partition, offset);
    this.head = head;
  }

  #fail(error: DecodeError, where: "key" | "value" | "timestamp"): void {
    const { topic, partition, offset } = this.#origin;
    this.headTimestamp = Number.NEGATIVE_INFINITY;
    this.head = { kind: "error", error: error.at({ topic, partition, offset, step: this.plan.step, where }) };
  }
}

/** Stands in the head before the first record. */
const noRecord = RecordMeta.ofTime(null, Number.NEGATIVE_INFINITY);

/** How long a registry that is away is left in peace. */
const prepareBackoffMs = 500;
