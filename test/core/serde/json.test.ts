import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { json } from "../../../core/serde/json.ts";
import { hex, read, refusal, roundTrip, unwritable, utf8 } from "./reading.ts";

const anything = json<unknown>();
const readText = (text: string): unknown => read(anything, utf8(text));
const refused = (text: string) => refusal(anything, utf8(text));

describe("json", () => {
  it("gives back every value that JSON can express", () => {
    fc.assert(
      // A field called __proto__ is refused, which has a test of its own.
      fc.property(
        fc.jsonValue({ noUnicodeString: false }).filter((value) => !JSON.stringify(value).includes('"__proto__"')),
        (value) => {
          // What JSON.parse makes of it is the measure: it turns -0 into 0.
          expect(roundTrip(anything, value)).toEqual(JSON.parse(JSON.stringify(value)));
        },
      ),
    );
  });

  it("reads exactly what JSON.parse reads, or refuses by its own rules", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const decoded = anything.deserialize(utf8(text), "t");
        if (decoded._tag === "Right") expect(decoded.right).toEqual(JSON.parse(text));
        else expect(decoded.left.message).toMatch(/exactly|inherit/);
      }),
    );
  });

  it("skips a byte order mark and refuses what is not UTF-8", () => {
    expect(read(anything, hex("ef bb bf 37"))).toBe(7);
    expect(refusal(anything, hex("22 ff 22")).message).toContain("they are not UTF-8");
    expect(refusal(anything, hex("ff fe 31 00")).message).toContain("UTF-16");
  });

  it("lets the last of several fields with the same name count", () => {
    expect(readText('{"a":1,"a":2}')).toEqual({ a: 2 });
  });

  it("says where a text stops being JSON without quoting the record", () => {
    const error = refused('{"card":"4111-secret", oops}');
    expect(error.code).toBe("DECODE_FAILED");
    expect(error.message).toContain("not valid JSON");
    expect(error.message).not.toContain("secret");
    expect(error.message).not.toContain("oops");
    expect(refused("").message).toContain("no bytes at all");
    expect(refused("NaN").code).toBe("DECODE_FAILED");
    expect(refused("hello world").message).toContain("looks like text");
  });
});

describe("json and numbers", () => {
  it("says where an integer stands that a number cannot hold, without quoting it", () => {
    for (const text of [
      "9007199254740993",
      '{"id":9007199254740993}',
      '{"id": 9007199254740993 }',
      "[1,2,9007199254740993]",
      "[9007199254740993,1]",
      '{"note":"a, 12345678901234567890 ","id":9007199254740993}',
      '{"a":"x\\\\","id":9007199254740993}',
      '{"deep":[[[{"id":9007199254740993}]]]}',
    ]) {
      const error = refused(text);
      expect(error.code).toBe("DECODE_FAILED");
      expect(error.message).toContain(`the integer of 16 digits at character ${text.lastIndexOf("9007199254740993")}`);
      expect(error.message).not.toContain("9007199254740993");
    }
    expect(refused("1".repeat(400)).message).toContain("the integer of 400 digits at character 0");
  });

  it("finds such an integer at every position of a text", () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(40), fc.bigInt({ min: 2n ** 53n + 1n, max: 2n ** 63n - 1n }), (before, after, id) => {
        const exact = String(Number(id)) === String(id);
        const decoded = anything.deserialize(utf8(`${" ".repeat(before)}[${id},${"1".repeat(after % 15)}0]`), "t");
        expect(decoded._tag).toBe(exact ? "Right" : "Left");
      }),
    );
  });

  it("takes every safe integer, and an integer that comes out with the digits it came in with", () => {
    fc.assert(fc.property(fc.maxSafeInteger(), (value) => expect(readText(String(value))).toBe(value === 0 ? 0 : value)));
    expect(readText("9007199254740992")).toBe(2 ** 53);
    expect(roundTrip(anything, 2 ** 60)).toBe(2 ** 60);
  });

  it("lets measured numbers be rounded: those with a point or an exponent", () => {
    expect(readText("[0.30000000000000004,52.52000659999999812345,1.234567890123456789e20,12345678901234567.5]")).toEqual([
      0.30000000000000004, 52.520006599999995, 123456789012345680000, 12345678901234568,
    ]);
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) =>
        expect(roundTrip(anything, value)).toBe(value === 0 ? 0 : value),
      ),
    );
  });

  it("takes long digits inside of strings for what they are", () => {
    for (const text of ["4111111111111111", "12345678901234567890", "call 12345678901234567890 now", '\\" 12345678901234567890, ']) {
      const value = { text };
      expect(roundTrip(anything, value)).toEqual(value);
    }
  });

  it("refuses to write NaN and infinities and names the field", () => {
    expect(unwritable(anything, { a: { b: [1, Number.NaN] } })).toMatchObject({ code: "ENCODE_FAILED" });
    expect(unwritable(anything, { a: { b: [1, Number.NaN] } }).message).toContain("'a.b[1]' is NaN");
    expect(unwritable(anything, Number.POSITIVE_INFINITY).message).toContain("Infinity");
  });
});

describe("json and what objects inherit", () => {
  it("refuses fields that could change it, however they are spelt", () => {
    for (const text of [
      '{"__proto__":{"polluted":true}}',
      '{"\\u005f\\u005fproto__":{"polluted":true}}',
      '{"a":[{"b":{"__pro\\u0074o__":1}}]}',
      '{"constructor":{"prototype":{"polluted":true}}}',
      '{"x":{"con\\u0073tructor":{"pro\\u0074otype":{"polluted":true}}}}',
    ]) {
      const error = refused(text);
      expect(error.code).toBe("DECODE_FAILED");
      expect(error.message).toContain("inherit");
    }
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it("takes the same words where they are harmless", () => {
    for (const value of [
      { constructor: "Ferrari" },
      { prototype: "P1" },
      { note: "__proto__" },
      { note: "constructor.prototype" },
      ["__proto__"],
      { proto: 1 },
      { constructor: { name: "x" } },
    ]) {
      expect(roundTrip(anything, value)).toEqual(value);
    }
  });

  it("does not write what it would not read", () => {
    expect(unwritable(anything, JSON.parse('{"__proto__":1}')).message).toContain("__proto__");
  });
});

describe("json and its limits", () => {
  it("survives nesting of 100000 levels", () => {
    for (const text of ["[".repeat(100_000) + "]".repeat(100_000), `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`]) {
      const error = refused(text);
      expect(error.code).toBe("LIMIT_EXCEEDED");
      expect(error.message).toContain("512 levels");
    }
    expect(["DECODE_FAILED", "LIMIT_EXCEEDED"]).toContain(refused("[".repeat(100_000)).code);
  });

  it("counts levels, not brackets: neither siblings nor strings make a value deep", () => {
    expect(readText(`[${"[],".repeat(5000)}[]]`)).toHaveLength(5001);
    expect(readText(JSON.stringify("[{".repeat(5000)))).toHaveLength(10_000);
    expect(readText(JSON.stringify(`\\"${"[".repeat(5000)}`))).toHaveLength(5002);
    const deepest = "[".repeat(512) + "]".repeat(512);
    expect(readText(deepest)).toHaveLength(1);
    expect(refused(`[${deepest}]`).code).toBe("LIMIT_EXCEEDED");
    // Closing brackets in strings do not make up for open ones.
    expect(refused(`${`["]]]]]]",`.repeat(600)}1${"]".repeat(600)}`).code).toBe("LIMIT_EXCEEDED");
  });

  it("refuses a text that is larger than allowed before it parses it", () => {
    const error = refusal(json(undefined, { bytesMax: 10 }), utf8('"0123456789"'));
    expect(error.code).toBe("LIMIT_EXCEEDED");
    expect(error.message).toContain("12 bytes");
    expect(refusal(anything, new Uint8Array(9 * 1024 * 1024)).code).toBe("LIMIT_EXCEEDED");
  });

  it("reads a text of millions of digits in one go", () => {
    expect(refused("7".repeat(4_000_000)).message).toContain("the integer of 4000000 digits");
    expect(readText(`"${"7".repeat(4_000_000)}"`)).toHaveLength(4_000_000);
  });
});

describe("json and its check", () => {
  const isOrder = (value: unknown): value is { readonly id: string } => typeof (value as { id?: unknown } | null)?.id === "string";

  it("gives what passes and refuses what does not, with the check's name", () => {
    expect(read(json(isOrder), utf8('{"id":"a"}'))).toEqual({ id: "a" });
    expect(refusal(json(isOrder), utf8('{"id":1}')).message).toContain("does not pass its check 'isOrder'");
  });

  it("makes a DecodeError of a check that throws", () => {
    const failing = (value: unknown): value is string => (value as { name: string }).name.length > 0;
    expect(refusal(json(failing), utf8("{}")).message).toContain("its check 'failing' threw");
  });
});

describe("json and values that it would lose", () => {
  it("refuses them", () => {
    for (const value of [
      new Map([[1, 2]]),
      { a: new Set([1]) },
      { a: new Uint8Array([1]) },
      [undefined],
      5n,
      { a: 5n },
      undefined,
      () => 1,
    ]) {
      expect(unwritable(anything, value)).toMatchObject({ code: "ENCODE_FAILED" });
    }
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    expect(unwritable(anything, cycle)).toMatchObject({ code: "ENCODE_FAILED" });
  });

  it("writes what says itself how it wants to be written, and leaves undefined fields out", () => {
    expect(roundTrip(anything, { at: { toJSON: () => null }, gone: undefined, empty: {}, nothing: null })).toEqual({
      at: null,
      empty: {},
      nothing: null,
    });
  });
});
