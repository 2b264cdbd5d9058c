import type { RawHeaders } from "../ports/log.ts";

/** The sign bit of an end says that the field is null: `~end` is negative, and `~~end` is the end again. */
export const endOf = (end: number): number => (end < 0 ? ~end : end);

const headerBytes = (headers: RawHeaders): number => {
  let bytes = 0;
  for (const [name, value] of headers) bytes += name.length + (value === null ? 0 : value.length) + 2;
  return bytes;
};

/** What a record takes beside its key and value: lengths, timestamp and attributes, as about in Kafka's batches. */
export const recordOverheadBytes = 10;

/**
 * Records as columns: key and value bytes one after the other in one array, and for each record where they end. One array of a few hundred kilobytes costs
 * the collector as little as one record would; a million small arrays do not.
 *
 * Columns only grow. Whoever remembers a range of record numbers may go on reading it while others append.
 */
export class RecordColumns {
  count = 0;
  /** Key and value bytes so far. */
  used = 0;
  bytes: Uint8Array;
  /** Where each key ends in `bytes`; it begins where the value before it ends. */
  keyEnds: Int32Array;
  valueEnds: Int32Array;
  timestamps: Float64Array;
  /** Null as long as no record has a header. */
  headers: (RawHeaders | undefined)[] | null = null;
  /** The offset of each record where they are not consecutive: after compaction. */
  offsets: Float64Array | null = null;
  /** Of the largest record, headers included. */
  largestBytes = 0;
  headerBytes = 0;
  maxTimestamp = -1;
  nullKeys = 0;

  constructor(bytes: number, records: number) {
    this.bytes = new Uint8Array(bytes);
    // One buffer for the three of them: allocating one costs more than many records do.
    const buffer = new ArrayBuffer(records * 16);
    this.timestamps = new Float64Array(buffer, 0, records);
    this.keyEnds = new Int32Array(buffer, records * 8, records);
    this.valueEnds = new Int32Array(buffer, records * 12, records);
  }

  /** Copies a record behind the others. */
  append(key: Uint8Array | null, value: Uint8Array | null, timestamp: number, headers: RawHeaders): void {
    const at = this.count;
    const keyBytes = key === null ? 0 : key.length;
    const valueBytes = value === null ? 0 : value.length;
    let end = this.used;
    if (end + keyBytes + valueBytes > this.bytes.length) this.growBytes(keyBytes + valueBytes);
    if (at === this.timestamps.length) this.growRecords(1);
    if (key === null) {
      this.keyEnds[at] = ~end;
      this.nullKeys++;
    } else {
      copyInto(this.bytes, key, end, keyBytes);
      end += keyBytes;
      this.keyEnds[at] = end;
    }
    if (value === null) this.valueEnds[at] = ~end;
    else {
      copyInto(this.bytes, value, end, valueBytes);
      end += valueBytes;
      this.valueEnds[at] = end;
    }
    this.timestamps[at] = timestamp;
    let size = keyBytes + valueBytes + recordOverheadBytes;
    if (headers.length > 0) {
      this.setHeaders(at, headers);
      const extra = headerBytes(headers);
      this.headerBytes += extra;
      size += extra;
    }
    if (size > this.largestBytes) this.largestBytes = size;
    if (timestamp > this.maxTimestamp) this.maxTimestamp = timestamp;
    this.used = end;
    this.count = at + 1;
  }

  /** Copies the records `from` to `to` (exclusive) of other columns behind these; gives the number of the first. */
  appendRange(other: RecordColumns, from: number, to: number): number {
    const first = this.count;
    const records = to - from;
    const start = other.start(from);
    const length = other.start(to) - start;
    if (this.used + length > this.bytes.length) this.growBytes(length);
    if (first + records > this.timestamps.length) this.growRecords(records);
    if (length > 0) this.bytes.set(other.bytes.subarray(start, start + length), this.used);
    const shift = this.used - start;
    for (let i = from, at = first; i < to; i++, at++) {
      const keyEnd = other.keyEnds[i]!;
      const valueEnd = other.valueEnds[i]!;
      const timestamp = other.timestamps[i]!;
      // ~(~end + shift) is end - shift.
      this.keyEnds[at] = keyEnd < 0 ? keyEnd - shift : keyEnd + shift;
      this.valueEnds[at] = valueEnd < 0 ? valueEnd - shift : valueEnd + shift;
      this.timestamps[at] = timestamp;
      if (timestamp > this.maxTimestamp) this.maxTimestamp = timestamp;
      const headers = other.headers?.[i];
      if (headers !== undefined) {
        if (this.headers === null) this.headers = [];
        this.headers[at] = headers;
        this.headerBytes += headerBytes(headers);
      }
    }
    this.used += length;
    this.count = first + records;
    return first;
  }

  /** Where the bytes of a record begin; of the number after the last one, where all end. */
  start(record: number): number {
    return record === 0 ? 0 : endOf(this.valueEnds[record - 1]!);
  }

  isTombstone(record: number): boolean {
    return this.valueEnds[record]! < 0;
  }

  key(record: number): Uint8Array | null {
    const end = this.keyEnds[record]!;
    return end < 0 ? null : view(this.bytes, this.start(record), end);
  }

  value(record: number): Uint8Array | null {
    const end = this.valueEnds[record]!;
    return end < 0 ? null : view(this.bytes, endOf(this.keyEnds[record]!), end);
  }

  /** What the records `from` to `to` (exclusive) weigh in a fetch. */
  weigh(from: number, to: number): number {
    let weight = this.start(to) - this.start(from) + (to - from) * recordOverheadBytes;
    if (this.headers !== null)
      for (let i = from; i < to; i++) {
        const headers = this.headers[i];
        if (headers !== undefined) weight += headerBytes(headers);
      }
    return weight;
  }

  /** The largest `end` for which the records `from` to `end` (exclusive) weigh no more than so much; `from` when not even the first fits. */
  fitting(from: number, to: number, weight: number): number {
    if (this.headers !== null) {
      let end = from;
      for (let left = weight; end < to && (left -= this.weigh(end, end + 1)) >= 0; ) end++;
      return end;
    }
    let [low, high] = [from, to];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.weigh(from, middle) <= weight) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Gives back the room that growing has left over, when it is worth a copy. */
  trim(): void {
    if (this.bytes.length > this.used * 1.25) this.bytes = this.bytes.slice(0, this.used);
    if (this.timestamps.length > this.count * 1.25) this.resizeRecords(this.count);
  }

  private setHeaders(record: number, headers: RawHeaders): void {
    if (this.headers === null) this.headers = [];
    this.headers[record] = headers.map(([name, value]) => [name, value === null ? null : value.slice()] as const);
  }

  private growBytes(more: number): void {
    const grown = new Uint8Array(Math.max(this.used + more, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.used));
    this.bytes = grown;
  }

  private growRecords(more: number): void {
    this.resizeRecords(Math.max(this.count + more, this.timestamps.length * 2));
  }

  private resizeRecords(records: number): void {
    const { keyEnds, valueEnds, timestamps } = new RecordColumns(0, records);
    keyEnds.set(this.keyEnds.subarray(0, this.count));
    valueEnds.set(this.valueEnds.subarray(0, this.count));
    timestamps.set(this.timestamps.subarray(0, this.count));
    this.keyEnds = keyEnds;
    this.valueEnds = valueEnds;
    this.timestamps = timestamps;
  }
}

/** Half as costly as `subarray`, which has to ask for the species first. The arrays here begin where their buffers begin. */
const view = (bytes: Uint8Array, start: number, end: number): Uint8Array => new Uint8Array(bytes.buffer, start, end - start);

/** Below this many bytes a loop is faster than the call into the engine that `set` is. */
const loopBytes = 24;

const copyInto = (to: Uint8Array, from: Uint8Array, at: number, length: number): void => {
  if (length > loopBytes) to.set(from, at);
  else for (let i = 0; i < length; i++) to[at + i] = from[i]!;
};
