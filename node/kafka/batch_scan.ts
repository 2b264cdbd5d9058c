import { batchField, batchPrefix } from "./batch_format.ts";
import { readInt64 } from "./int64.ts";

export interface BatchScan {
  /** The offset after the last whole batch, or the one that was asked for when there is none. */
  readonly nextOffset: number;
  /** Length of the whole batches; a broker may cut the last one of a response short. */
  readonly bytes: number;
  /** Why the scan stopped before the end, when what follows is no record batch. */
  readonly fault: string | undefined;
}

/**
 * Finds where a partition's data in a fetch response leads, from batch headers alone, so that the next request can go out before anything is decoded. The
 * position moves past control batches, aborted ones and holes that compaction left.
 */
export const scanBatches = (records: Buffer, from: number): BatchScan => {
  let at = 0;
  let nextOffset = from;
  while (at + batchField.records <= records.length) {
    const length = records.readInt32BE(at + batchField.length);
    const magic = records[at + batchField.magic]!;
    if (magic !== 2) return { nextOffset, bytes: at, fault: `message format ${magic} instead of 2` };
    if (length < batchField.records - batchPrefix) return { nextOffset, bytes: at, fault: `a batch length of ${length}` };
    const end = at + batchPrefix + length;
    if (end > records.length) break;
    nextOffset = Math.max(nextOffset, readInt64(records, at) + records.readInt32BE(at + batchField.lastOffsetDelta) + 1);
    at = end;
  }
  return { nextOffset, bytes: at, fault: undefined };
};
