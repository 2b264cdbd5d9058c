import { noHeaders, type RawHeaders, type RecordCursor } from "../ports/log.ts";
import type { RecordBatch } from "./record_batch.ts";
import { endOf, type RecordColumns } from "./record_columns.ts";

/** Records of a fetch that a reader may see: whole batches, of the first and the last one perhaps a part. */
export interface VisibleRecords {
  readonly batches: readonly RecordBatch[];
  /** Where to begin in the first batch: a record number in its columns. */
  readonly firstFrom: number;
  /** Where to stop in the last batch, exclusive. */
  readonly lastTo: number;
}

/** Steps through records where they lie; only `key` and `value` make something, a view each. */
export class MemoryCursor implements RecordCursor {
  bytes: Uint8Array = noBytes;
  keyStart = -1;
  keyEnd = 0;
  valueStart = -1;
  valueEnd = 0;
  private readonly visible: VisibleRecords;
  private batch = -1;
  private columns: RecordColumns | null = null;
  private record = -1;
  private end = 0;
  /** Offset minus record number, in a batch without gaps. */
  private shift = 0;

  constructor(visible: VisibleRecords) {
    this.visible = visible;
  }

  next(): boolean {
    this.record++;
    if (this.record >= this.end && !this.nextBatch()) return false;
    const { record } = this;
    const columns = this.columns!;
    const keyEnd = columns.keyEnds[record]!;
    const valueEnd = columns.valueEnds[record]!;
    this.bytes = columns.bytes;
    this.keyStart = keyEnd < 0 ? -1 : columns.start(record);
    this.keyEnd = endOf(keyEnd);
    this.valueStart = valueEnd < 0 ? -1 : this.keyEnd;
    this.valueEnd = endOf(valueEnd);
    return true;
  }

  get offset(): number {
    const offsets = this.standing().offsets;
    return offsets === null ? this.record + this.shift : offsets[this.record]!;
  }

  get timestamp(): number {
    return this.standing().timestamps[this.record]!;
  }

  key(): Uint8Array | null {
    return this.standing().key(this.record);
  }

  value(): Uint8Array | null {
    return this.standing().value(this.record);
  }

  headers(): RawHeaders {
    return this.standing().headers?.[this.record] ?? noHeaders;
  }

  private standing(): RecordColumns {
    const { columns } = this;
    if (columns === null) throw new RangeError("The cursor stands on no record: call next() first, and read only while it gives true");
    return columns;
  }

  private nextBatch(): boolean {
    const { batches, firstFrom, lastTo } = this.visible;
    while (++this.batch < batches.length) {
      const batch = batches[this.batch]!;
      this.columns = batch.columns;
      this.record = this.batch === 0 ? firstFrom : batch.from;
      this.end = this.batch === batches.length - 1 ? lastTo : batch.to;
      this.shift = batch.baseOffset - batch.from;
      if (this.columns !== null && this.record < this.end) return true;
    }
    // Another call must not begin again.
    this.batch = batches.length;
    this.columns = null;
    this.end = 0;
    this.record = 0;
    return false;
  }
}

const noBytes = new Uint8Array(0);

export const emptyRecords: VisibleRecords = { batches: [], firstFrom: 0, lastTo: 0 };
