import { type Fetched, type Isolation, LogError, type RecordCursor } from "../../core/ports/log.ts";
import { BatchCursor } from "./batch_cursor.ts";
import { scanBatches } from "./batch_scan.ts";
import type { Decompress } from "./compression.ts";
import type { FetchResult } from "./requests/fetch.ts";

/** What a reader gets of a partition's part of an answer; undefined when the position did not move. */
export const fetchedRecords = (result: FetchResult, offset: number, isolation: Isolation, decompress: Decompress): Fetched | undefined => {
  const { topic, partition } = result;
  const { nextOffset, bytes, fault } = scanBatches(result.records, offset);
  if (fault !== undefined && bytes === 0) {
    const message = `Cannot read ${topic}/${partition} at offset ${offset} as it has ${fault}: read on after it, or restore the partition from a replica`;
    return fetchedError(result, offset, new LogError("CORRUPT_MESSAGE", "rejected", message, { topic, partition, offset }));
  }
  if (nextOffset === offset) return undefined;
  const records = ownShare(result.records.subarray(0, bytes));
  return {
    topic,
    partition,
    offset,
    nextOffset,
    records: new BatchCursor(records, { topic, partition, from: offset, isolation, aborted: result.aborted, decompress }),
    ...marks(result),
    bytes,
  };
};

/**
 * An answer stays in memory as long as somebody holds a part of it. A partition that is read slowly would so hold what came for others: a small part of a large answer is copied, and what is held is at most so many times what it counts for.
 */
const answerShareMax = 4;

const ownShare = (records: Buffer): Buffer => {
  if (records.length * answerShareMax >= records.buffer.byteLength) return records;
  const own = Buffer.allocUnsafeSlow(records.length);
  records.copy(own);
  return own;
};

/** A partition's error. */
export const fetchedError = (
  result: Pick<FetchResult, "topic" | "partition" | "highWatermark" | "lastStableOffset" | "logStartOffset">,
  offset: number,
  error: LogError,
): Fetched => ({
  topic: result.topic,
  partition: result.partition,
  offset,
  error,
  records: nothing,
  nextOffset: offset,
  ...marks(result),
  bytes: 0,
});

/** A broker tells the last stable offset to read-committed readers only; for the others everything up to the high watermark is as good. */
const marks = ({
  highWatermark,
  lastStableOffset,
  logStartOffset,
}: Pick<FetchResult, "highWatermark" | "lastStableOffset" | "logStartOffset">) => ({
  highWatermark,
  lastStableOffset: lastStableOffset < 0 ? highWatermark : lastStableOffset,
  logStartOffset,
});

const nothing: RecordCursor = {
  next: () => false,
  offset: -1,
  timestamp: -1,
  key: () => null,
  value: () => null,
  headers: () => [],
  bytes: new Uint8Array(0),
  keyStart: -1,
  keyEnd: 0,
  valueStart: -1,
  valueEnd: 0,
};
