import { describe, expect, it } from "@jest/globals";
import * as fc from "fast-check";
import { writeZigzag, writeZigzagLong, zigzagLength, zigzagLongLength } from "../../../node/kafka/varint.ts";

/** Numbers around every power of two, where lengths change. */
const edge = (bits: number): fc.Arbitrary<number> =>
  fc
    .tuple(fc.integer({ min: 0, max: bits }), fc.integer({ min: -2, max: 2 }), fc.boolean())
    .map(([power, plus, negative]) => (2 ** power + plus) * (negative ? -1 : 1));

const decoded = (bytes: Uint8Array): bigint => {
  let value = 0n;
  for (const [index, byte] of bytes.entries()) value |= BigInt(byte & 127) << BigInt(7 * index);
  return (value >> 1n) ^ -(value & 1n);
};

describe("a variable-length integer", () => {
  it("of 32 bits takes as many bytes as was said, and means the same", () => {
    const bytes = new Uint8Array(10);
    fc.assert(
      fc.property(fc.oneof(edge(30), fc.integer()), (value) => {
        const end = writeZigzag(bytes, 0, value);
        expect(end).toBe(zigzagLength(value));
        expect(decoded(bytes.subarray(0, end))).toBe(BigInt(value));
      }),
      { numRuns: 2_000 },
    );
  });

  it("of any size takes as many bytes as was said, and means the same", () => {
    const bytes = new Uint8Array(10);
    fc.assert(
      fc.property(fc.oneof(edge(52), fc.maxSafeInteger()), (value) => {
        const end = writeZigzagLong(bytes, 0, value);
        expect(end).toBe(zigzagLongLength(value));
        expect(decoded(bytes.subarray(0, end))).toBe(BigInt(value));
      }),
      { numRuns: 2_000 },
    );
  });
});
