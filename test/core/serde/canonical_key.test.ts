import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { canonicalKey, primitiveKey, typedKey } from "../../../core/serde/canonical_key.ts";
import { compareBytes, hex, refusal, roundTrip, toHex, unwritable, utf8 } from "./reading.ts";

const bytesOf = (key: unknown): string => toHex(canonicalKey.serialize(key, "t"));

const words = fc.string({ unit: "grapheme", maxLength: 12 });
const lowText = fc.string({ unit: fc.constantFrom("\0", "\u0001", "\u0002", "a", "\u007f", "é"), maxLength: 6 });
const texts = fc.oneof(words, lowText);
const fields = fc.oneof(texts, fc.constant("__proto__"), fc.constant("constructor"));
const numbers = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true }),
  fc.constantFrom(0, -0, 1, 0.1, -0.1, 2 ** 53, 2 ** 64, 1e300, -1e300, 5e-324),
);
const bigints = fc.oneof(
  fc.bigInt(),
  fc.bigInt({ min: -300n, max: 300n }),
  fc.constantFrom(2n ** 53n, -(2n ** 63n), 2n ** 64n, 10n ** 300n),
);
const byteArrays = fc.uint8Array({ maxLength: 6 });
const simple = fc.oneof(
  texts,
  numbers,
  bigints,
  fc.boolean(),
  fc.constantFrom(null, undefined),
  fc.date({ noInvalidDate: true }),
  byteArrays,
);
const keys: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  key: fc.oneof(
    { depthSize: "small" },
    simple,
    fc.array(tie("key"), { maxLength: 4 }),
    fc.dictionary(fields, tie("key"), { maxKeys: 4, noNullPrototype: true }),
  ),
})).key;

/** What "the same key" means, said without any encoding. */
const same = (a: unknown, b: unknown): boolean => {
  if ((typeof a === "number" || typeof a === "bigint") && (typeof b === "number" || typeof b === "bigint")) return !(a < b || a > b);
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  if (a instanceof Date || b instanceof Date) return a instanceof Date && b instanceof Date && a.getTime() === b.getTime();
  if (a instanceof Uint8Array || b instanceof Uint8Array)
    return a instanceof Uint8Array && b instanceof Uint8Array && toHex(a) === toHex(b);
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && same((a as any)[name], (b as any)[name]))
  );
};

/** The same key written differently: fields in another order, whole numbers as bigint and back, zero with a sign. */
const rewritten = (key: unknown): unknown => {
  if (typeof key === "number") return key === 0 ? -0 : Number.isInteger(key) ? BigInt(key) : key;
  if (typeof key === "bigint") return BigInt(Number(key)) === key ? Number(key) : key;
  if (typeof key !== "object" || key === null || key instanceof Date) return key;
  if (key instanceof Uint8Array) return new Uint8Array(key);
  if (Array.isArray(key)) return key.map(rewritten);
  const turned: Record<string, unknown> = {};
  for (const name of Object.keys(key).reverse())
    Object.defineProperty(turned, name, { value: rewritten((key as any)[name]), enumerable: true, writable: true, configurable: true });
  return turned;
};

const sign = (order: number): number => (order < 0 ? -1 : order > 0 ? 1 : 0);
const expectOrder = (a: unknown, b: unknown, order: number): void => {
  expect(sign(compareBytes(canonicalKey.serialize(a, "t"), canonicalKey.serialize(b, "t")))).toBe(sign(order));
};

describe("canonical key", () => {
  it("gives equal keys equal bytes", () => {
    fc.assert(fc.property(keys, (key) => expect(bytesOf(rewritten(key))).toBe(bytesOf(key))));
  });

  it("gives different keys different bytes", () => {
    fc.assert(
      fc.property(keys, keys, (a, b) => expect(bytesOf(a) === bytesOf(b)).toBe(same(a, b))),
      { numRuns: 2000 },
    );
  });

  it("gives a key back that is equal to the one that was written", () => {
    fc.assert(
      fc.property(keys, (key) => {
        const back = roundTrip(canonicalKey, key);
        expect(same(back, key)).toBe(true);
        expect(bytesOf(back)).toBe(bytesOf(key));
      }),
      { numRuns: 1000 },
    );
  });

  it("never makes the bytes of one key the beginning of another's", () => {
    fc.assert(
      fc.property(keys, keys, (a, b) => {
        const [one, other] = [bytesOf(a), bytesOf(b)];
        if (one !== other) expect(other.startsWith(one)).toBe(false);
      }),
      { numRuns: 2000 },
    );
    expect(bytesOf("a\0").startsWith(bytesOf("a"))).toBe(false);
  });

  it("keeps the order of numbers, whole or not, number or bigint", () => {
    const numeric = fc.oneof(numbers, bigints);
    fc.assert(
      fc.property(numeric, numeric, (a, b) => expectOrder(a, b, a < b ? -1 : a > b ? 1 : 0)),
      { numRuns: 3000 },
    );
    const ascending = [
      Number.NEGATIVE_INFINITY,
      -(10n ** 400n),
      -1e300,
      -(2n ** 64n),
      -(2n ** 53n) - 1n,
      -65536.5,
      -65536,
      -1.5,
      -1,
      -0.5,
      -5e-324,
      0,
      5e-324,
      0.5,
      1,
      1.5,
      255,
      255.5,
      256,
      2 ** 32,
      2n ** 53n + 1n,
      2n ** 64n,
      1e300,
      10n ** 400n,
      Number.POSITIVE_INFINITY,
    ];
    for (let index = 1; index < ascending.length; index++) expectOrder(ascending[index - 1], ascending[index], -1);
  });

  it("keeps the order of texts by code point", () => {
    const byCodePoint = (a: string, b: string): number => {
      const [one, other] = [Array.from(a, (c) => c.codePointAt(0)!), Array.from(b, (c) => c.codePointAt(0)!)];
      for (let at = 0; at < one.length && at < other.length; at++) if (one[at] !== other[at]) return one[at]! - other[at]!;
      return one.length - other.length;
    };
    fc.assert(
      fc.property(texts, texts, (a, b) => expectOrder(a, b, byCodePoint(a, b))),
      { numRuns: 1000 },
    );
  });

  it("keeps the order of bytes, dates and arrays of them", () => {
    fc.assert(fc.property(byteArrays, byteArrays, (a, b) => expectOrder(a, b, compareBytes(a, b))));
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true }), fc.date({ noInvalidDate: true }), (a, b) =>
        expectOrder(a, b, a.getTime() - b.getTime()),
      ),
    );
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -3, max: 3 }), { maxLength: 4 }),
        fc.array(fc.integer({ min: -3, max: 3 }), { maxLength: 4 }),
        (a, b) => {
          const first = a.findIndex((element, at) => at >= b.length || element !== b[at]);
          expectOrder(a, b, first < 0 ? a.length - b.length : first >= b.length ? 1 : a[first]! - b[first]!);
        },
      ),
    );
  });

  // Bytes in stores and topics outlive every version of this code: these may never change.
  it("has the bytes that it has always had", () => {
    for (const [key, bytes] of [
      ["abc", "4061626300"],
      ["", "4000"],
      ["a\0\u0001", "4061 0101 0102 00"],
      ["€", "40e282ac00"],
      [0, "1b00"],
      [-0, "1b00"],
      [5, "1c0500"],
      [5n, "1c0500"],
      [-5, "19faff"],
      [1.5, "1c0101 3fe0000000000000"],
      [-1.5, "19fefe c01fffffffffffff"],
      [1700000000000, "21 018bcfe56800 00"],
      [2n ** 64n, "24 0009 010000000000000000 00"],
      [-(2n ** 64n), "11 fff6 feffffffffffffffff ff"],
      [Number.POSITIVE_INFINITY, "25"],
      [Number.NEGATIVE_INFINITY, "10"],
      [true, "0b"],
      [false, "0a"],
      [null, "09"],
      [undefined, "08"],
      [new Date(1000), "30 1d03e8 00"],
      [hex("000102ff"), "48 0101 0102 02 ff 00"],
      [["a", 1], "50 406100 1c0100 00"],
      [{ b: 1, a: null }, "58 01 6100 09 01 6200 1c0100 00"],
    ] as const) {
      expect(bytesOf(key)).toBe(bytes.replaceAll(" ", ""));
    }
  });

  it("refuses what equals nothing, and what bytes could not bring back, by name", () => {
    expect(unwritable(canonicalKey, Number.NaN).message).toMatch(/^Cannot use NaN as a key/);
    expect(unwritable(canonicalKey, { at: [Number.NaN] }).message).toContain("NaN");
    expect(unwritable(canonicalKey, "a\ud800").message).toContain("surrogate pair");
    expect(unwritable(canonicalKey, new Date(Number.NaN)).message).toContain("date");
    class Point {
      readonly x = 1;
    }
    for (const [value, name] of [
      [new Point(), "Point"],
      [new Map(), "Map"],
      [new Set(), "Set"],
      [new Float64Array(1), "Float64Array"],
      [Symbol("s"), "symbol"],
      [() => 1, "function"],
      [/x/, "RegExp"],
    ] as const) {
      expect(unwritable(canonicalKey, value)).toMatchObject({ code: "ENCODE_FAILED" });
      expect(unwritable(canonicalKey, value).message).toContain(name);
    }
    expect(unwritable(canonicalKey, 1n << 600_000n)).toMatchObject({ code: "LIMIT_EXCEEDED" });
  });

  it("refuses a key that contains itself", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(unwritable(canonicalKey, cycle)).toMatchObject({ code: "LIMIT_EXCEEDED" });
  });

  it("writes again after a key that was refused halfway", () => {
    const before = bytesOf("abc");
    unwritable(canonicalKey, ["x".repeat(100), Number.NaN]);
    expect(bytesOf("abc")).toBe(before);
  });

  it("answers bytes that are no key with an error, never with an exception", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
        const decoded = canonicalKey.deserialize(bytes, "t");
        if (decoded._tag === "Left") expect(decoded.left).toMatchObject({ code: "DECODE_FAILED", where: "key" });
      }),
      { numRuns: 2000 },
    );
    for (const bytes of ["", "40", "4061", "1c", "1c05", "1c0502", "50", "5801", "0c", "401101", "40ff00", "0909"])
      expect(refusal(canonicalKey, hex(bytes)).code).toBe("DECODE_FAILED");
    expect(refusal(canonicalKey, utf8('{"a":1}')).message).toContain("looks like JSON");
    expect(refusal(canonicalKey, new Uint8Array(5000).fill(0x50)).message).toContain("64 levels");
  });

  it("answers every cut of a key with an error", () => {
    fc.assert(
      fc.property(keys, fc.nat(), (key, cut) => {
        const bytes = canonicalKey.serialize(key, "t");
        expect(refusal(canonicalKey, bytes.subarray(0, cut % bytes.length)).code).toBe("DECODE_FAILED");
      }),
    );
  });

  it("does not let a field called __proto__ change what the key inherits", () => {
    const back = roundTrip(canonicalKey, JSON.parse('{"__proto__":{"polluted":1}}')) as object;
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect(Object.keys(back)).toEqual(["__proto__"]);
  });
});

describe("typed key", () => {
  it("gives a key back with the type it had", () => {
    fc.assert(
      fc.property(fc.oneof(texts, numbers, bigints, fc.boolean()), (key) => {
        const back = roundTrip(typedKey, key);
        expect(typeof back).toBe(typeof key);
        expect(back).toBe(key === 0 ? 0 : key);
      }),
      { numRuns: 2000 },
    );
    expect(roundTrip(typedKey, [5n, { id: 2 ** 60 }])).toEqual([5n, { id: 2 ** 60 }]);
  });

  it("has the bytes of the canonical key for everything but a bigint", () => {
    fc.assert(fc.property(fc.oneof(texts, numbers, fc.boolean()), (key) => expect(toHex(typedKey.serialize(key, "t"))).toBe(bytesOf(key))));
    expect(toHex(typedKey.serialize(5n, "t"))).toBe("0c1c0500");
  });

  it("keeps the order of bigints", () => {
    fc.assert(
      fc.property(bigints, bigints, (a, b) => {
        expect(sign(compareBytes(typedKey.serialize(a, "t"), typedKey.serialize(b, "t")))).toBe(a < b ? -1 : a > b ? 1 : 0);
      }),
    );
  });
});

describe("primitive key", () => {
  const identical = (a: unknown, b: unknown): boolean => new Map([[a, 1]]).has(b);

  it("is one and the same in a Map exactly when the canonical bytes are the same", () => {
    fc.assert(
      fc.property(keys, keys, (a, b) => {
        expect(identical(primitiveKey(a), primitiveKey(rewritten(a)))).toBe(true);
        expect(identical(primitiveKey(a), primitiveKey(b))).toBe(bytesOf(a) === bytesOf(b));
      }),
      { numRuns: 2000 },
    );
  });

  it("is the key itself for strings, numbers and booleans", () => {
    for (const key of ["a", "", 5, 1.5, Number.POSITIVE_INFINITY, true, null, undefined]) expect(primitiveKey(key)).toBe(key);
    expect(primitiveKey(-0)).toBe(0);
    expect(primitiveKey(5n)).toBe(5);
    expect(primitiveKey(2n ** 60n)).toBe(2n ** 60n);
  });

  it("does not take a string for what has been made a string", () => {
    const made = primitiveKey({ a: 1 });
    expect(primitiveKey(made)).not.toBe(made);
    expect(primitiveKey("\0")).not.toBe("\0");
  });

  it("refuses NaN", () => {
    expect(() => primitiveKey(Number.NaN)).toThrow("NaN");
    expect(() => primitiveKey([Number.NaN])).toThrow("NaN");
  });
});
