import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { inPlace, readsInPlace, writesInPlace } from "../../../core/serde/in_place.ts";
import { bytes, canonicalKey, float64, int64, integer, type Serde, selfDescribing, text, typedKey } from "../../../core/serde/mod.ts";
import { identical } from "../../support/identical.ts";

const values: readonly (readonly [Serde<any>, fc.Arbitrary<unknown>])[] = [
  [text, fc.string({ unit: "grapheme", maxLength: 40 })],
  [bytes, fc.uint8Array({ maxLength: 40 })],
  [integer, fc.integer()],
  [int64, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
  [float64, fc.double()],
  [selfDescribing, fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true })],
  [canonicalKey, fc.oneof(fc.string(), fc.integer(), fc.dictionary(fc.string(), fc.array(fc.integer())))],
  [typedKey, fc.oneof(fc.string(), fc.bigInt(), fc.array(fc.double({ noNaN: true })))],
];

/** The bytes with others around them. */
const within = (part: Uint8Array, before: number, behind: number): Uint8Array => {
  const whole = new Uint8Array(before + part.length + behind).fill(0x61);
  whole.set(part, before);
  return whole;
};

describe("reading in place", () => {
  const around = fc.nat({ max: 9 });
  for (const [serde, value] of values) {
    it(`gives what deserialize gives of the same bytes: ${serde.name}`, () => {
      fc.assert(
        fc.property(value, around, around, (one, before, behind) => {
          const part = serde.serialize(one, "t");
          const read = serde.read!(within(part, before, behind), before, before + part.length);
          expect(identical(read, serde.deserialize(part, "t"))).toBe(true);
        }),
      );
    });

    it(`refuses what deserialize refuses, with the same words: ${serde.name}`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 30 }), around, around, (part, before, behind) => {
          const read = serde.read!(within(part, before, behind), before, before + part.length);
          expect(identical(read, serde.deserialize(part, "t"))).toBe(true);
        }),
      );
    });
  }

  for (const length of [2, 64, 65, 2_048, 2_049, 9_000])
    it(`gives ${length} bytes that are nobody else's`, () => {
      const whole = Uint8Array.from({ length: length + 2 }, (_, i) => i);
      const wanted = String(whole.subarray(1, length + 1));
      const read = [0, 1, 2].map(() => bytes.read!(whole, 1, length + 1) as { readonly right: Uint8Array });
      whole.fill(0);
      read[1]!.right.fill(0);
      expect(String(read[0]!.right)).toBe(wanted);
      expect(String(read[2]!.right)).toBe(wanted);
    });
});

describe("a serde that was copied and changed", () => {
  it("reads and writes as its new functions say", () => {
    const loud: Serde<string> = { ...text, serialize: (value) => text.serialize(value.toUpperCase(), "t") };
    expect([writesInPlace(text), readsInPlace(text)]).toEqual([true, true]);
    expect([writesInPlace(loud), readsInPlace(loud)]).toEqual([false, true]);
    const quiet: Serde<string> = { ...text, deserialize: (part) => text.deserialize(part.subarray(1), "t") };
    expect([writesInPlace(quiet), readsInPlace(quiet)]).toEqual([true, false]);
  });

  it("is taken at its word where it brings all of them itself", () => {
    const own: Serde<string> = {
      serialize: (value) => text.serialize(value, "t"),
      write: (to, value) => void to.utf8(value),
      deserialize: (part) => text.deserialize(part, "t"),
      read: (part, start, end) => text.read!(part, start, end),
    };
    expect([writesInPlace(own), readsInPlace(own)]).toEqual([true, true]);
    expect([writesInPlace(inPlace({ ...own })), readsInPlace({ ...own })]).toEqual([true, true]);
  });
});
