import type { RecordColumns } from "./record_columns.ts";

/** No producer id: records that compaction has rewritten. */
export const noProducer = -1;

export type Marker = "commit" | "abort";

/** What a batch has, beside its records. */
export interface BatchStamp {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly transactional: boolean;
}

/** Consecutive records of one append, or the control record that ends a transaction. Never changed after it was made. */
export class RecordBatch {
  readonly baseOffset: number;
  /** The last offset that the batch stands for, which after compaction may lie behind its last record. */
  readonly lastOffset: number;
  readonly producerId: number;
  readonly transactional: boolean;
  readonly marker: Marker | null;
  /** Null for control batches. */
  readonly columns: RecordColumns | null;
  /** The records are those of the columns from `from` to `to`, exclusive. */
  readonly from: number;
  readonly to: number;
  readonly maxTimestamp: number;
  readonly bytes: number;
  /** From when on compaction may drop the tombstones in here; null before the first compaction. */
  readonly tombstonesUntilMs: number | null;

  constructor(fields: {
    baseOffset: number;
    lastOffset: number;
    producerId: number;
    transactional: boolean;
    marker: Marker | null;
    columns: RecordColumns | null;
    from: number;
    to: number;
    maxTimestamp: number;
    tombstonesUntilMs: number | null;
  }) {
    this.baseOffset = fields.baseOffset;
    this.lastOffset = fields.lastOffset;
    this.producerId = fields.producerId;
    this.transactional = fields.transactional;
    this.marker = fields.marker;
    this.columns = fields.columns;
    this.from = fields.from;
    this.to = fields.to;
    this.maxTimestamp = fields.maxTimestamp;
    this.tombstonesUntilMs = fields.tombstonesUntilMs;
    this.bytes = batchOverheadBytes + (fields.columns === null ? 0 : fields.columns.weigh(fields.from, fields.to));
  }

  static ofRecords(baseOffset: number, columns: RecordColumns, from: number, to: number, stamp: BatchStamp): RecordBatch {
    let maxTimestamp = -1;
    if (from === 0 && to === columns.count) maxTimestamp = columns.maxTimestamp;
    else for (let i = from; i < to; i++) maxTimestamp = Math.max(maxTimestamp, columns.timestamps[i]!);
    const lastOffset = baseOffset + (to - from) - 1;
    const { producerId, transactional } = stamp;
    return new RecordBatch({
      baseOffset,
      lastOffset,
      producerId,
      transactional,
      marker: null,
      columns,
      from,
      to,
      maxTimestamp,
      tombstonesUntilMs: null,
    });
  }

  static ofMarker(offset: number, marker: Marker, producerId: number, nowMs: number): RecordBatch {
    return new RecordBatch({
      baseOffset: offset,
      lastOffset: offset,
      producerId,
      transactional: true,
      marker,
      columns: null,
      from: 0,
      to: 0,
      maxTimestamp: nowMs,
      tombstonesUntilMs: null,
    });
  }

  /** The offset of a record, given by its number in the columns. */
  offsetAt(record: number): number {
    const offsets = this.columns?.offsets;
    return offsets ? offsets[record]! : this.baseOffset + (record - this.from);
  }

  /** The number of the first record at this offset or after it; `to` when there is none. */
  recordAt(offset: number): number {
    const offsets = this.columns?.offsets;
    if (!offsets) return Math.min(this.to, Math.max(this.from, this.from + (offset - this.baseOffset)));
    let [low, high] = [this.from, this.to];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (offsets[middle]! < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The header of a record batch in Kafka's format. */
export const batchOverheadBytes = 61;
