import { describe, expect, it } from "@jest/globals";
import { decompressor } from "../../../node/kafka/compression.ts";
import { fetchedRecords } from "../../../node/kafka/fetched.ts";
import { readAll, stored, value } from "./support.ts";

/** A partition's part of an answer that is so much larger than it. */
const partOf = (records: Buffer, answerBytes: number) => {
  const answer = Buffer.allocUnsafeSlow(answerBytes);
  const at = answerBytes - records.length;
  records.copy(answer, at);
  const marks = { error: 0, highWatermark: 3, lastStableOffset: 3, logStartOffset: 0, aborted: [] };
  return { topic: "t", partition: 0, ...marks, records: answer.subarray(at) };
};

describe("what was fetched of a partition", () => {
  const records = stored(["one", "two", "three"].map((one) => value(one)));
  const fetched = (answerBytes: number) => fetchedRecords(partOf(records, answerBytes), 0, "read-committed", decompressor(1 << 20))!;

  // A partition that was read slowly kept answers in memory of which it had a thousandth.
  it("holds no more than four times its bytes of the answer that it came with", () => {
    for (const answerBytes of [2 * records.length, 3 * records.length, 10 * records.length, 1 << 20]) {
      const { records: cursor, bytes, nextOffset } = fetched(answerBytes);
      expect([bytes, nextOffset]).toEqual([records.length, 3]);
      expect(readAll(cursor as Parameters<typeof readAll>[0])).toHaveLength(3);
      expect(cursor.bytes.buffer.byteLength).toBeLessThanOrEqual(4 * records.length);
    }
  });
});
