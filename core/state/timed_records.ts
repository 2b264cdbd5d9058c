import { type ByteWriter, shareBytes } from "../serde/byte_writer.ts";
import { closeLength, columnPrefix, openLength, prefixEnd, readLength } from "./address.ts";
import { writeWith } from "./codecs.ts";
import { heldBytes } from "./held_bytes.ts";
import { type SortedMap, sortedMap } from "./sorted_map.ts";
import type { MapKey, StepState, Table, ValueCodec } from "./step_state.ts";
import { pairSubKey, putSortable } from "./sub_key.ts";
import { ValueSizes } from "./value_sizes.ts";

/** Which of two streams a record belongs to. */
export type Side = 0 | 1;

export interface TimedRecordsOptions<T> {
  readonly codecs: readonly [ValueCodec<T>, ValueCodec<T>];
  /** For how long after its timestamp a record of each side is kept; +Infinity for ever. It says which records lie together in the store, and not when they are over. */
  readonly keptMs: readonly [number, number];
  /** Records of that side are over when their timestamps are not larger. Falls only where a record is taken back. */
  readonly overAt: (side: Side) => number;
}

export interface TimedRecord<T> {
  readonly timestamp: number;
  readonly value: T;
}

class Kept<T> implements TimedRecord<T> {
  readonly of: OfKey<T>;
  readonly side: Side;
  readonly timestamp: number;
  readonly value: T;
  /** It was over when it came, and is there until time moves on. */
  waits: boolean;

  constructor(of: OfKey<T>, side: Side, timestamp: number, value: T, waits: boolean) {
    this.of = of;
    this.side = side;
    this.timestamp = timestamp;
    this.value = value;
    this.waits = waits;
  }
}

class OfKey<T> {
  readonly key: unknown;
  readonly mapKey: MapKey;
  /** In the order of their timestamps, those of one timestamp in the order of arrival. Those that are over stay until a segment goes. */
  readonly sides: [Kept<T>[], Kept<T>[]] = [none, none];

  constructor(key: unknown, mapKey: MapKey) {
    this.key = key;
    this.mapKey = mapKey;
  }
}

/** Records that are over at about the same time. */
class Segment<T> {
  /** None of them is over before, by the time for which records were kept when it was made. */
  readonly from: number;
  /** The largest timestamp of each side. */
  readonly latest: [number, number] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  readonly records: Kept<T>[] = [];
  /** So many of them have been sealed. */
  sealed = 0;
  /** The blocks in the store that hold those. */
  readonly blocks: number[] = [];

  constructor(from: number) {
    this.from = from;
  }
}

/**
 * Records of two streams by key and time, kept until they are over: what a join by time looks through. All of them are held decoded, as timers are.
 *
 * The store has them in segments by the time at which they are over. What came between two commits makes one block for each segment, of all keys and both sides, or a few when it is much; a block is written once, and deleted once, with its
 * whole segment. So a record costs a part of an entry in store and changelog, where one of its own and its deletion would be two (Kafka Streams keeps window stores in segments for the same reason).
 */
export class TimedRecords<T> implements Table {
  readonly #state: StepState;
  readonly #prefix: Uint8Array;
  readonly #codecs: TimedRecordsOptions<T>["codecs"];
  readonly #keptMs: TimedRecordsOptions<T>["keptMs"];
  readonly #overAt: TimedRecordsOptions<T>["overAt"];
  /** Of how much time a segment has the records. */
  readonly #segmentMs: number;
  readonly #keys = new Map<MapKey, OfKey<T>>();
  /** What was found last: who adds a record looks for its partners next. */
  #last: OfKey<T> | undefined;
  /** By their times, so that those which are over come first: when time stands still there may be many more. */
  readonly #segments: SortedMap<number, Segment<T>> = sortedMap((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  /** The one that was asked for last. */
  #current: Segment<T> | undefined;
  /** Those with records that are not sealed. */
  readonly #open = new Set<Segment<T>>();
  /** Overdue ones in which nothing waits any more. */
  #passed: Segment<T>[] = [];
  readonly #sizes: ValueSizes<T>;
  #loaded = false;
  #nextBlock = 0;
  #size = 0;

  constructor(state: StepState, column: string, { codecs, keptMs, overAt }: TimedRecordsOptions<T>) {
    this.#state = state;
    this.#prefix = columnPrefix(column);
    this.#codecs = codecs;
    this.#sizes = new ValueSizes(codecs[0]);
    this.#keptMs = keptMs;
    this.#overAt = overAt;
    const longestMs = Math.max(...keptMs.filter(Number.isFinite), 0);
    this.#segmentMs = Math.max(longestMs / segmentsAtATime, segmentMsMin);
  }

  /** For the current key. One that is over already is there until `timePassed`. */
  add(side: Side, timestamp: number, value: T): void {
    this.#load();
    const waits = timestamp <= this.#overAt(side);
    const segment = this.#segment(waits ? overdue : this.#segmentMs * Math.floor((timestamp + this.#keptMs[side]) / this.#segmentMs));
    const { latest } = segment;
    const latestBefore = latest[side];
    const record = this.#insert(segment, side, timestamp, value, waits);
    this.#state.journal?.push(() => {
      latest[side] = latestBefore;
      this.#takeBack(segment, record);
    });
    if (this.#sizes.isToSample()) this.#sizes.sample(value);
    this.#state.changedBytes += heldBytes.entry + this.#sizes.average;
  }

  /** Those of the current key and one side from one timestamp to another, both included, in the order of their timestamps, and where these are equal of their arrival. A snapshot. */
  between(side: Side, from: number, to: number): readonly TimedRecord<T>[] {
    this.#load();
    const ofKey = this.#find();
    if (ofKey === undefined) return none;
    const records = ofKey.sides[side];
    const over = this.#overAt(side);
    let found: TimedRecord<T>[] = none;
    for (let i = placeOf(records, from, false); i < records.length; i++) {
      const record = records[i]!;
      if (record.timestamp > to) break;
      if (record.timestamp <= over && !record.waits) continue;
      if (found === none) found = [record];
      else found.push(record);
    }
    return found;
  }

  /** Time has moved on: what was over when it came goes as well. */
  timePassed(): void {
    this.#load();
    const segment = this.#segments.get(overdue);
    if (segment === undefined) return;
    for (const record of segment.records) record.waits = false;
    this.#forget(segment);
    this.#passed.push(segment);
  }

  /** Something is kept that will be over one day. */
  get isWaiting(): boolean {
    this.#load();
    for (const segment of this.#segments.values()) if (segment.from !== Number.POSITIVE_INFINITY && !this.#isOver(segment)) return true;
    return false;
  }

  seal(write: (key: Uint8Array, value: Uint8Array | null) => void): void {
    for (const segment of this.#allOver()) this.#drop(segment, write);
    this.#passed = [];
    for (const segment of this.#open)
      while (segment.sealed < segment.records.length) {
        const from = segment.sealed;
        const bytes = shareBytes(this.#writeBlock, segment);
        if (bytes.length === 0) break;
        this.#sizes.learn(Math.floor(bytes.length / (segment.sealed - from)));
        segment.blocks.push(this.#nextBlock);
        write(this.#address(segment, this.#nextBlock++), bytes);
      }
    this.#open.clear();
  }

  reset(): void {
    this.#keys.clear();
    this.#last = undefined;
    this.#segments.clear();
    this.#current = undefined;
    this.#open.clear();
    this.#passed = [];
    this.#loaded = false;
    this.#nextBlock = 0;
    this.#size = 0;
  }

  evict(): void {}

  readonly cached = 0;
  readonly cachedBytes = 0;

  get heldBytes(): number {
    return this.#size * (heldBytes.entry + this.#sizes.average) + this.#keys.size * heldBytes.records;
  }

  get changed(): number {
    let changed = 0;
    for (const { blocks } of this.#allOver()) changed += blocks.length;
    for (const { records, sealed } of this.#open) changed += records.length - sealed;
    return changed;
  }

  #load(): void {
    if (this.#loaded) return;
    this.#loaded = true;
    const { key } = this.#state;
    for (const [address, block] of this.#state.base.range(this.#prefix, prefixEnd(this.#prefix))) {
      const [from, blockNumber] = pairSubKey.decode(address.subarray(this.#prefix.length));
      const segment = this.#segment(from);
      this.#readBlock(segment, block);
      segment.sealed = segment.records.length;
      this.#open.delete(segment);
      segment.blocks.push(blockNumber);
      this.#nextBlock = Math.max(this.#nextBlock, blockNumber + 1);
    }
    if (key !== undefined) this.#state.setKey(key);
  }

  #segment(from: number): Segment<T> {
    if (this.#current?.from === from) return this.#current;
    let segment = this.#segments.get(from);
    if (segment === undefined) this.#segments.set(from, (segment = new Segment(from)));
    this.#current = segment;
    return segment;
  }

  /** Of the current key. */
  #find(): OfKey<T> | undefined {
    const { mapKey } = this.#state;
    if (this.#last?.mapKey === mapKey) return this.#last;
    const found = this.#keys.get(mapKey);
    if (found !== undefined) this.#last = found;
    return found;
  }

  /** All of it is over. */
  #isOver({ from, latest, records }: Segment<T>): boolean {
    if (from === overdue) return records.length === 0;
    return latest[0] <= this.#overAt(0) && latest[1] <= this.#overAt(1);
  }

  #allOver(): readonly Segment<T>[] {
    const all = [...this.#passed];
    let now = Number.NEGATIVE_INFINITY;
    for (const side of sides)
      if (this.#keptMs[side] !== Number.POSITIVE_INFINITY) now = Math.max(now, this.#overAt(side) + this.#keptMs[side]);
    for (const segment of this.#segments.values()) {
      if (segment.from > now) break;
      if (this.#isOver(segment)) all.push(segment);
    }
    return all;
  }

  /** For the current key. */
  #insert(segment: Segment<T>, side: Side, timestamp: number, value: T, waits: boolean): Kept<T> {
    let ofKey = this.#find();
    if (ofKey === undefined) {
      this.#last = ofKey = new OfKey(this.#state.key, this.#state.mapKey);
      this.#keys.set(ofKey.mapKey, ofKey);
    }
    const record = new Kept(ofKey, side, timestamp, value, waits);
    const records = ofKey.sides[side];
    // An array that is made with its element has room for no more than that; most keys have few records at a time.
    if (records.length === 0) ofKey.sides[side] = [record];
    else if (records.at(-1)!.timestamp <= timestamp) records.push(record);
    else records.splice(placeOf(records, timestamp, true), 0, record);
    if (segment.records.push(record) === segment.sealed + 1) this.#open.add(segment);
    if (timestamp > segment.latest[side]) segment.latest[side] = timestamp;
    this.#size++;
    return record;
  }

  #takeBack(segment: Segment<T>, record: Kept<T>): void {
    const { of, side } = record;
    const records = of.sides[side];
    records.splice(records.lastIndexOf(record), 1);
    segment.records.splice(segment.records.lastIndexOf(record), 1);
    this.#size--;
    this.#forgetEmpty(of);
  }

  #drop(segment: Segment<T>, write: (key: Uint8Array, value: Uint8Array | null) => void): void {
    for (const block of segment.blocks) write(this.#address(segment, block), null);
    this.#forget(segment);
    this.#size -= segment.records.length;
    for (const { of, side } of segment.records) {
      dropOver(of.sides[side], this.#overAt(side));
      this.#forgetEmpty(of);
    }
  }

  #forget(segment: Segment<T>): void {
    if (this.#segments.get(segment.from) === segment) this.#segments.delete(segment.from);
    if (this.#current === segment) this.#current = undefined;
    this.#open.delete(segment);
  }

  #forgetEmpty(ofKey: OfKey<T>): void {
    const [left, right] = ofKey.sides;
    if (left.length > 0 || right.length > 0) return;
    if (this.#keys.get(ofKey.mapKey) === ofKey) this.#keys.delete(ofKey.mapKey);
    if (this.#last === ofKey) this.#last = undefined;
  }

  #address({ from }: Segment<T>, block: number): Uint8Array {
    return shareBytes(this.#writeAddress, [from, block]);
  }

  readonly #writeAddress = (to: ByteWriter, [segment, block]: readonly [number, number]): void => {
    to.append(this.#prefix);
    putSortable(to, segment);
    putSortable(to, block);
  };

  /** The records that are not sealed yet, as many as a block takes. */
  readonly #writeBlock = (to: ByteWriter, segment: Segment<T>): void => {
    for (; segment.sealed < segment.records.length; segment.sealed++) {
      const record = segment.records[segment.sealed]!;
      if (record.timestamp <= this.#overAt(record.side) && !record.waits) continue;
      const { length } = to;
      this.#writeRecord(to, record);
      if (length === 0 || to.length <= blockBytes) continue;
      to.at -= to.length - length;
      return;
    }
  };

  #writeRecord(to: ByteWriter, { of, side, timestamp, value }: Kept<T>): void {
    const keyStart = openLength(to);
    writeWith(this.#state.keys, to, of.key);
    closeLength(to, keyStart);
    to.byte(side);
    to.room(8);
    to.view.setFloat64(to.at, timestamp);
    to.at += 8;
    const valueStart = openLength(to);
    writeWith(this.#codecs[side], to, value);
    closeLength(to, valueStart);
  }

  #readBlock(segment: Segment<T>, block: Uint8Array): void {
    const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
    for (let at = 0; at < block.length; ) {
      const [keyStart, keyEnd] = readLength(block, at);
      this.#state.setKey(this.#state.keys.decode(block.subarray(keyStart, keyEnd)));
      const side = block[keyEnd] as Side;
      const timestamp = view.getFloat64(keyEnd + 1);
      const [start, end] = readLength(block, keyEnd + 9);
      this.#insert(segment, side, timestamp, this.#codecs[side].decode(block.subarray(start, end)), segment.from === overdue);
      at = end;
    }
  }
}

const sides: readonly Side[] = [0, 1];
/** For nobody to change. */
const none: never[] = [];
/** What is over stays at most so long, as a part of the time for which it was kept. */
const segmentsAtATime = 16;
/** With shorter ones each commit would write many. */
const segmentMsMin = 1000;
/** A block is not larger, unless it is a single record: what fits into the changelog alone must not be too large with others. */
const blockBytes = 16 << 10;
/** The segment of what was over when it came. */
const overdue: number = Number.NEGATIVE_INFINITY;

/** Where the first record stands that has this timestamp or a larger one; or, `behind` those that have it. */
const placeOf = (records: readonly TimedRecord<unknown>[], timestamp: number, behind: boolean): number => {
  let low = 0;
  let high = records.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const at = records[middle]!.timestamp;
    if (at < timestamp || (behind && at === timestamp)) low = middle + 1;
    else high = middle;
  }
  return low;
};

/** Takes away what is over, as far as nothing else stands in front of it. */
const dropOver = (records: Kept<any>[], over: number): void => {
  let count = 0;
  while (count < records.length && records[count]!.timestamp <= over && !records[count]!.waits) count++;
  if (count === 1) records.shift();
  else if (count > 0) records.splice(0, count);
};
