import type { AbortedTransaction } from "./aborted_index.ts";
import type { RecordBatch } from "./record_batch.ts";

/**
 * The batches with data that a reader may see. `aborted` is null for a reader of everything; else it lists the aborted transactions that overlap the batches, in
 * any order. A transaction is hidden from its first record until its abort marker, so the list is taken in the order of first offsets, as many entries at
 * each batch as have begun by then, and only a marker of the kind "abort" lets its producer be seen again.
 */
export const committedBatches = (
  batches: readonly RecordBatch[],
  aborted: readonly AbortedTransaction[] | null,
): readonly RecordBatch[] => {
  const beginnings = aborted === null || aborted.length < 2 ? aborted : [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  const hidden = new Set<number>();
  let begun = 0;
  let visible: RecordBatch[] | null = null;
  for (let i = 0; i < batches.length; i++) {
    const batch = batches[i]!;
    if (beginnings !== null)
      while (begun < beginnings.length && beginnings[begun]!.firstOffset <= batch.lastOffset) hidden.add(beginnings[begun++]!.producerId);
    if (batch.marker === "abort") hidden.delete(batch.producerId);
    const seen = batch.marker === null && !(batch.transactional && hidden.has(batch.producerId));
    // The array is copied only when something is left out.
    if (!seen && visible === null) visible = batches.slice(0, i);
    else if (seen && visible !== null) visible.push(batch);
  }
  return visible ?? batches;
};
