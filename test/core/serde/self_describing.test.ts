import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { toLittleEndian } from "../../../core/serde/pack_tags.ts";
import { selfDescribing } from "../../../core/serde/self_describing.ts";
import { identical } from "../../support/identical.ts";
import { hex, read, refusal, roundTrip, toHex, unwritable, utf8 } from "./reading.ts";

const bytesOf = (value: unknown): string => toHex(selfDescribing.serialize(value, "t"));

const values = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withUnicodeString: true,
  maxDepth: 4,
});

describe("self-describing value", () => {
  it("comes back as it was", () => {
    fc.assert(
      fc.property(values, (value) => expect(identical(roundTrip(selfDescribing, value), value)).toBe(true)),
      { numRuns: 3000 },
    );
  });

  it("comes back as it was: the cases that others lose", () => {
    for (const value of [
      -0,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      undefined,
      null,
      5n,
      -5n,
      2n ** 63n,
      -(2n ** 63n),
      2n ** 64n,
      -(2n ** 200n),
      255n,
      -128n,
      2n ** 63n - 1n,
      -(2n ** 63n) - 1n,
      "",
      "x".repeat(31),
      "x".repeat(32),
      "é".repeat(31),
      "x".repeat(70_000),
      "\ufeff",
      [],
      [undefined, null],
      { a: undefined },
      { "": 1 },
      new Map<unknown, unknown>([[{ a: 1 }, new Map([["b", -0]])]]),
      new Map(),
      new Set([new Set([1n])]),
      new Set(),
      new Date(0),
      new Date(-1),
      new Date(8.64e15),
      new Date(Number.NaN),
      new Date(1700000000123),
      new Uint8Array(300),
      new Uint8Array(70_000),
      new Float32Array([1.5, Number.NaN]),
      new BigInt64Array([-1n]),
      new Uint16Array([1, 65535]),
      new Uint8ClampedArray([7]),
      Array.from({ length: 20 }, (_, index) => index),
      Array.from({ length: 70_000 }, () => 1),
      Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`field${index}`, index])),
      JSON.parse('{"__proto__":{"polluted":true},"constructor":1,"hasOwnProperty":2,"toJSON":3,"length":4}'),
      0,
      127,
      128,
      255,
      256,
      65535,
      65536,
      2 ** 31,
      2 ** 32 - 1,
      2 ** 32,
      -1,
      -32,
      -33,
      -128,
      -129,
      -32768,
      -32769,
      -(2 ** 31),
      -(2 ** 31) - 1,
      2 ** 53,
      0.1,
      5e-324,
    ]) {
      expect(identical(roundTrip(selfDescribing, value), value)).toBe(true);
      expect(identical(roundTrip(selfDescribing, { in: [value] }), { in: [value] })).toBe(true);
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it("keeps an ArrayBuffer, and makes plain what has no prototype and a Uint8Array of what extends it", () => {
    expect(new Uint8Array(roundTrip(selfDescribing, hex("0102").buffer) as ArrayBuffer)).toEqual(hex("0102"));
    const bare = Object.assign(Object.create(null), { a: 1 });
    expect(identical(roundTrip(selfDescribing, bare), { a: 1 })).toBe(true);
    expect(roundTrip(selfDescribing, new Array(2))).toEqual([undefined, undefined]);
  });

  it("has bytes that depend on the value alone, not on what was written before", () => {
    fc.assert(
      fc.property(values, values, (value, other) => {
        const before = bytesOf(value);
        bytesOf(other);
        bytesOf([other, value]);
        expect(bytesOf(value)).toBe(before);
      }),
    );
  });

  // State that was kept by an older version has to be readable: these may never change.
  it("has the bytes that it has always had", () => {
    for (const [value, bytes] of [
      [{ id: "a", n: 300, ok: true, none: null }, "84 a26964 a161 a16e cd012c a26f6b c3 a46e6f6e65 c0"],
      [[1.5, -1, -200], "93 cb3ff8000000000000 ff d1ff38"],
      [-0, "cb8000000000000000"],
      [undefined, "d40000"],
      [5n, "d30000000000000005"],
      [2n ** 64n, "c7 09 02 010000000000000000"],
      [new Date(1000), "d701408f400000000000"],
      [new Map([["a", 1]]), "c9 00000004 03 92 a161 01"],
      [new Set([1]), "c9 00000002 04 91 01"],
      [hex("0102"), "c4 02 0102"],
      [new Uint16Array([1]), "d5 14 0100"],
    ] as const) {
      expect(bytesOf(value)).toBe(bytes.replaceAll(" ", ""));
    }
  });

  it("reads MessagePack of other origin", () => {
    for (const [bytes, value] of [
      ["ca 3fc00000", 1.5],
      ["cf 0000000000000007", 7n],
      ["d2 ffffffff", -1],
      ["d9 01 61", "a"],
      ["da 0001 61", "a"],
      ["db 00000001 61", "a"],
      ["dc 0001 01", [1]],
      ["de 0001 a161 01", { a: 1 }],
      ["df 00000001 d90161 01", { a: 1 }],
      ["c5 0001 ff", hex("ff")],
    ] as const) {
      expect(read(selfDescribing, hex(bytes))).toEqual(value);
    }
  });

  it("shares no memory with what it was read from", () => {
    const bytes = selfDescribing.serialize({ raw: hex("010203"), floats: new Float64Array([1]) }, "t").slice();
    const back = read(selfDescribing, bytes) as { raw: Uint8Array; floats: Float64Array };
    bytes.fill(0);
    expect(toHex(back.raw)).toBe("010203");
    expect(back.floats[0]).toBe(1);
  });

  it("can be read from the middle of a larger buffer", () => {
    fc.assert(
      fc.property(values, (value) => {
        const bytes = selfDescribing.serialize(value, "t");
        const padded = new Uint8Array(bytes.length + 7).fill(0xc3);
        padded.set(bytes, 3);
        expect(identical(read(selfDescribing, padded.subarray(3, bytes.length + 3)), value)).toBe(true);
      }),
    );
  });
});

describe("self-describing value that cannot be kept", () => {
  it("is named", () => {
    class Money {
      readonly cents = 5;
    }
    class SortedMap extends Map {}
    for (const [value, name] of [
      [new Money(), "Money"],
      [{ price: new Money() }, "Money"],
      [new SortedMap(), "SortedMap"],
      [/x/, "RegExp"],
      [new Error("no"), "Error"],
      [() => 1, "function"],
      [Symbol("s"), "symbol"],
      [Promise.resolve(), "Promise"],
      [new WeakMap(), "WeakMap"],
    ] as const) {
      const error = unwritable(selfDescribing, value);
      expect(error).toMatchObject({ code: "ENCODE_FAILED" });
      expect(error.message).toContain(name);
    }
    expect(unwritable(selfDescribing, { note: "a\ud800" }).message).toContain("surrogate pair");
    expect(unwritable(selfDescribing, `${"long ".repeat(20)}\udc00`).message).toContain("surrogate pair");
  });

  it("is one that contains itself, or is nested too deep", () => {
    const cycle: { self?: unknown } = {};
    cycle.self = [cycle];
    expect(unwritable(selfDescribing, cycle)).toMatchObject({ code: "LIMIT_EXCEEDED" });
    let deep: unknown = 1;
    for (let level = 0; level < 1000; level++) deep = [deep];
    expect(roundTrip(selfDescribing, deep)).toBeDefined();
    expect(unwritable(selfDescribing, [deep])).toMatchObject({ code: "LIMIT_EXCEEDED" });
  });

  it("leaves nothing behind: the next value is written as if it had not been tried", () => {
    const before = bytesOf({ a: 1 });
    unwritable(selfDescribing, { text: "x".repeat(10_000), bad: () => 1 });
    expect(bytesOf({ a: 1 })).toBe(before);
  });

  it("may have a getter that writes another value meanwhile", () => {
    const value = {
      before: "x",
      get inner() {
        return bytesOf({ other: "y".repeat(100) });
      },
      after: "z",
    };
    expect(roundTrip(selfDescribing, value)).toEqual({ before: "x", inner: bytesOf({ other: "y".repeat(100) }), after: "z" });
  });
});

describe("self-describing bytes that are none", () => {
  it("are answered with an error, never with an exception", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const decoded = selfDescribing.deserialize(bytes, "t");
        if (decoded._tag === "Left") expect(decoded.left.code).toBe("DECODE_FAILED");
      }),
      { numRuns: 3000 },
    );
    expect(refusal(selfDescribing, utf8('{"a":1}')).message).toContain("looks like JSON");
    expect(refusal(selfDescribing, hex("")).message).toContain("no bytes at all");
  });

  it("are answered with an error wherever they are cut", () => {
    fc.assert(
      fc.property(values, fc.nat(), (value, cut) => {
        const bytes = selfDescribing.serialize(value, "t");
        expect(refusal(selfDescribing, bytes.subarray(0, cut % bytes.length)).code).toBe("DECODE_FAILED");
      }),
    );
  });

  it("cannot make anything huge, deep or wrong", () => {
    for (const bytes of [
      "dd ffffffff 01",
      "df ffffffff a161 01",
      "db ffffffff 61",
      "c6 ffffffff 00",
      "c9 00000003 03 91 01",
      "c1",
      "81 01 01",
      "d4 63 00",
      "c7 03 15 000000",
      "d6 01 00000000",
      "c9 00000001 04 01",
    ]) {
      expect(refusal(selfDescribing, hex(bytes)).code).toBe("DECODE_FAILED");
    }
    expect(refusal(selfDescribing, new Uint8Array(100_000).fill(0x91)).message).toContain("1000 levels");
  });
});

describe("typed arrays on a machine that keeps numbers big-endian", () => {
  it("are turned round element by element", () => {
    const bytes = hex("0001 0203 04");
    toLittleEndian(bytes, 2, false);
    expect(toHex(bytes)).toBe("0100030204");
    toLittleEndian(bytes, 2, true);
    expect(toHex(bytes)).toBe("0100030204");
  });
});
