import { describe, expect, it } from "@jest/globals";
import * as fc from "fast-check";
import { crc32c, crc32cNative, crc32cScript } from "../../../node/kafka/crc32c.ts";

const ascending = Uint8Array.from({ length: 32 }, (_, index) => index);

// RFC 3720, B.4, and the check value of the CRC catalogue.
const known: readonly (readonly [string, Uint8Array, number])[] = [
  ["nothing", new Uint8Array(0), 0],
  ["'123456789'", new TextEncoder().encode("123456789"), 0xe3069283],
  ["32 bytes of 0", new Uint8Array(32), 0x8a9136aa],
  ["32 bytes of 255", new Uint8Array(32).fill(255), 0x62a8ab43],
  ["32 ascending bytes", ascending, 0x46dd794e],
  ["32 descending bytes", ascending.toReversed(), 0x113fdb5c],
];

describe("CRC-32C", () => {
  for (const [name, bytes, crc] of known) {
    it(`of ${name} has the published value`, () => {
      expect(crc32cScript(bytes, 0, bytes.length)).toBe(crc);
      expect(crc32c(bytes, 0, bytes.length)).toBe(crc);
    });
  }

  it("covers just the range that is asked for", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(20), fc.nat(20), (bytes, before, after) => {
        const padded = new Uint8Array(before + bytes.length + after).fill(7);
        padded.set(bytes, before);
        expect(crc32cScript(padded, before, before + bytes.length)).toBe(crc32cScript(bytes, 0, bytes.length));
      }),
    );
  });

  (crc32cNative === undefined ? it.skip : it)(
    `is the same natively${crc32cNative === undefined ? " (skipped: @node-rs/crc32 is not installed)" : ""}`,
    () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(20), (bytes, from) => {
          const start = Math.min(from, bytes.length);
          expect(crc32cNative!(bytes, start, bytes.length)).toBe(crc32cScript(bytes, start, bytes.length));
        }),
      );
    },
  );
});
