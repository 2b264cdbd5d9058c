import { BatchBuilder } from "./batch_builder.ts";
import { BatchCursor } from "./batch_cursor.ts";
import type { BufferPool } from "./buffer_pool.ts";
import type { Decompress } from "./compression.ts";

/**
 * Cuts a batch that a broker finds too large into two halves with the same records in the same order. Kafka's producer does the same: the limit belongs to the
 * topic, and only the broker knows it.
 */
export const splitBatch = (
  batch: Buffer,
  count: number,
  pool: BufferPool,
  decompress: Decompress,
): readonly [BatchBuilder, BatchBuilder] => {
  const halves = [new BatchBuilder(pool), new BatchBuilder(pool)] as const;
  const cursor = new BatchCursor(batch, { topic: "", partition: 0, from: 0, isolation: "read-uncommitted", aborted: [], decompress });
  for (let index = 0; cursor.next(); index++) {
    halves[index < Math.floor(count / 2) ? 0 : 1].append(cursor.key(), cursor.value(), cursor.timestamp, cursor.headers());
  }
  return halves;
};
