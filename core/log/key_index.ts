import { endOf, type RecordColumns } from "./record_columns.ts";

/**
 * Finds the last record that had the same key, without making a string or an array of any key: open addressing over the bytes where they lie. The hash is that of
 * FNV-1a (Fowler, Noll, Vo) over four bytes at a time, with its high bits folded in.
 */
export class KeyIndex {
  private readonly mask: number;
  /** Per slot the number of a record plus one; 0 is free. */
  private readonly slots: Int32Array;
  private readonly columns: RecordColumns[];
  private readonly records: Int32Array;

  /** For at most so many records, numbered from 0. */
  constructor(capacity: number) {
    let size = 16;
    while (size < capacity * 2) size *= 2;
    this.mask = size - 1;
    this.slots = new Int32Array(size);
    this.columns = new Array(capacity);
    this.records = new Int32Array(capacity);
  }

  /** Remembers the record as the last one with its key, and gives the number of the one before; -1 when there was none. */
  put(columns: RecordColumns, record: number, number: number): number {
    const { bytes } = columns;
    const start = columns.start(record);
    const end = endOf(columns.keyEnds[record]!);
    let hash = 0x811c9dc5;
    let at = start;
    for (; at + 4 <= end; at += 4) {
      const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
      hash = Math.imul(hash ^ word, 0x01000193);
      // Multiplying carries upwards only: what differs in high bits has to come down.
      hash ^= hash >>> 15;
    }
    for (; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
    let slot = (hash ^ (hash >>> 15)) & this.mask;
    this.columns[number] = columns;
    this.records[number] = record;
    for (;;) {
      const taken = this.slots[slot]! - 1;
      if (taken < 0) break;
      if (this.hasKey(taken, bytes, start, end)) {
        this.slots[slot] = number + 1;
        return taken;
      }
      slot = (slot + 1) & this.mask;
    }
    this.slots[slot] = number + 1;
    return -1;
  }

  private hasKey(number: number, bytes: Uint8Array, start: number, end: number): boolean {
    const columns = this.columns[number]!;
    const record = this.records[number]!;
    const at = columns.start(record);
    if (endOf(columns.keyEnds[record]!) - at !== end - start) return false;
    const other = columns.bytes;
    for (let i = start, j = at; i < end; i++, j++) if (bytes[i] !== other[j]) return false;
    return true;
  }
}
