import { describe, expect, it } from "@jest/globals";
import * as fc from "fast-check";
import { murmur2, partitionForKey } from "../../core/partitioner.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("murmur2", () => {
  // The values are those of org.apache.kafka.common.utils.Utils.murmur2.
  const known: readonly (readonly [string, number])[] = [
    ["21", -973932308],
    ["foobar", -790332482],
    ["a-little-bit-long-string", -985981536],
    ["a-little-bit-longer-string", -1486304829],
    ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
    ["abc", 479470107],
  ];
  for (const [key, hash] of known) {
    it(`gives the Java client's value for '${key}'`, () => {
      expect(murmur2(bytes(key))).toBe(hash);
    });
  }

  it("gives one value for equal bytes wherever they lie in a buffer", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(9), (key, shift) => {
        const moved = new Uint8Array(key.length + shift);
        moved.set(key, shift);
        expect(murmur2(moved.subarray(shift))).toBe(murmur2(key));
      }),
    );
  });
});

describe("partitionForKey", () => {
  it("clears the sign before it takes the remainder", () => {
    expect(partitionForKey(bytes("foobar"), 7)).toBe((-790332482 & 0x7fffffff) % 7);
    expect(partitionForKey(bytes("abc"), 7)).toBe(479470107 % 7);
  });

  it("stays within the partitions", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.integer({ min: 1, max: 1000 }), (key, partitions) => {
        const partition = partitionForKey(key, partitions);
        expect(partition).toBeGreaterThanOrEqual(0);
        expect(partition).toBeLessThan(partitions);
      }),
    );
  });
});
