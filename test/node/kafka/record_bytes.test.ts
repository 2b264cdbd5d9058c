import { describe, expect, it } from "@jest/globals";
import * as fc from "fast-check";
import { recordBytes } from "../../../core/record_bytes.ts";
import { seededRandom } from "../../../core/time_source/seeded_random.ts";
import { BatchBuilder } from "../../../node/kafka/batch_builder.ts";
import { BufferPool } from "../../../node/kafka/buffer_pool.ts";
import { compressor } from "../../../node/kafka/compression.ts";

const field = fc.option(fc.uint8Array({ maxLength: 300 }));

describe("the size of a record that is known beforehand", () => {
  it("is that of the batch which is sent with this record alone", () => {
    const pool = new BufferPool(1 << 20);
    fc.assert(
      fc.property(
        field,
        field,
        fc.array(fc.tuple(fc.string({ maxLength: 80, unit: "binary" }), field), { maxLength: 70 }),
        fc.integer({ min: 0, max: 2 ** 52 }),
        (key, value, headers, timestamp) => {
          const batch = new BatchBuilder(pool);
          batch.append(key, value, timestamp, headers);
          expect(recordBytes(key, value, headers)).toBe(batch.bytes);
          batch.release();
        },
      ),
    );
  });

  it("is right where lengths need one byte more to be written", () => {
    for (const size of [0, 1, 62, 63, 64, 8191, 8192, 1_048_575, 1_048_576]) {
      const batch = new BatchBuilder(new BufferPool(1 << 20));
      batch.append(null, new Uint8Array(size), 0, []);
      expect([size, recordBytes(null, new Uint8Array(size), [])]).toEqual([size, batch.bytes]);
    }
  });

  it.each(["gzip", "snappy", "lz4", "zstd"] as const)(
    "is at least that of what is sent compressed by %s, and hardly more",
    async (name) => {
      const { compress, size } = compressor(name)!;
      const random = seededRandom(1);
      const words = Array.from({ length: 200 }, () => Math.floor(random.next() * 1e9).toString(36));
      const prose = (length: number): Uint8Array => {
        let text = "";
        while (text.length < length) text += `${words[Math.floor(random.next() ** 3 * words.length)]} `;
        return new TextEncoder().encode(text);
      };
      const noise = (length: number): Uint8Array => Uint8Array.from({ length }, () => random.next() * 256);
      for (const records of [
        new Uint8Array(0),
        new Uint8Array(100_000),
        ...[10, 1000, 100_000, 1_500_000].flatMap((n) => [prose(n), noise(n)]),
      ]) {
        const sent = (await compress(records)).length;
        expect(size(records)).toBeGreaterThanOrEqual(sent);
        expect(size(records)).toBeLessThanOrEqual(sent * 1.1 + 100);
      }
    },
  );
});
