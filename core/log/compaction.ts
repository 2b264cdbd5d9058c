import type { AbortedTransaction } from "./aborted_index.ts";
import { committedBatches } from "./committed_batches.ts";
import { KeyIndex } from "./key_index.ts";
import { noProducer, RecordBatch } from "./record_batch.ts";
import { RecordColumns } from "./record_columns.ts";

/** Compacted records are gathered into batches of about this size. */
const gatheredBytes = 262_144;

/** What there is to compact: whole batches of ended transactions. */
export interface Compactible {
  readonly batches: readonly RecordBatch[];
  readonly aborted: readonly AbortedTransaction[];
  readonly startOffset: number;
}

/**
 * The newest committed record of every key, at the offset it had, in new batches. Aborted records and markers are gone: what is left is committed, so it needs no
 * transaction any more. A tombstone stays for `tombstonesMs` after the compaction that first met it, for readers which are on their way.
 */
export const compacted = (
  { batches, aborted, startOffset }: Compactible,
  { nowMs, tombstonesMs }: { readonly nowMs: number; readonly tombstonesMs: number },
): readonly RecordBatch[] => {
  const committed = committedBatches(batches, aborted);
  const newest = newestOfEachKey(committed, startOffset);
  const gathering = new Gathering();
  let number = 0;
  for (const batch of committed) {
    const untilMs = batch.tombstonesUntilMs ?? nowMs + tombstonesMs;
    const expired = batch.tombstonesUntilMs !== null && batch.tombstonesUntilMs <= nowMs;
    let runFrom = batch.from;
    for (let record = batch.from; record < batch.to; record++, number++) {
      if (newest[number] === 1 && !(expired && batch.columns!.isTombstone(record))) continue;
      gathering.take(batch, runFrom, record, untilMs);
      runFrom = record + 1;
    }
    gathering.take(batch, runFrom, batch.to, untilMs);
  }
  return gathering.finish();
};

/** For every record of the batches, counted through, 1 when no later one has its key. */
const newestOfEachKey = (batches: readonly RecordBatch[], startOffset: number): Uint8Array => {
  const total = batches.reduce((sum, batch) => sum + (batch.to - batch.from), 0);
  const newest = new Uint8Array(total);
  const index = new KeyIndex(total);
  let number = 0;
  for (const batch of batches) {
    const columns = batch.columns!;
    for (let record = batch.from; record < batch.to; record++, number++) {
      if (batch.offsetAt(record) < startOffset) continue;
      const earlier = index.put(columns, record, number);
      if (earlier >= 0) newest[earlier] = 0;
      newest[number] = 1;
    }
  }
  return newest;
};

/** Collects records into batches, as many at once as stand together. Records whose tombstones may go at different times do not share one. */
class Gathering {
  private readonly done: RecordBatch[] = [];
  private columns = new RecordColumns(0, 0);
  private offsets: number[] = [];
  private untilMs = -1;

  /** The records from one number to another, exclusive. */
  take(batch: RecordBatch, from: number, to: number, untilMs: number): void {
    if (from === to) return;
    if (untilMs !== this.untilMs || this.columns.used >= gatheredBytes) this.close();
    this.untilMs = untilMs;
    this.columns.appendRange(batch.columns!, from, to);
    for (let record = from; record < to; record++) this.offsets.push(batch.offsetAt(record));
  }

  finish(): readonly RecordBatch[] {
    this.close();
    return this.done;
  }

  private close(): void {
    const { columns, offsets } = this;
    if (columns.count > 0) {
      columns.trim();
      columns.offsets = Float64Array.from(offsets);
      this.done.push(
        new RecordBatch({
          baseOffset: offsets[0]!,
          lastOffset: offsets.at(-1)!,
          producerId: noProducer,
          transactional: false,
          marker: null,
          columns,
          from: 0,
          to: columns.count,
          maxTimestamp: columns.maxTimestamp,
          tombstonesUntilMs: this.untilMs,
        }),
      );
    }
    this.columns = new RecordColumns(0, 0);
    this.offsets = [];
  }
}
