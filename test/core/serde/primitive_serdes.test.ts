import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { bytes } from "../../../core/serde/bytes.ts";
import { nullable } from "../../../core/serde/nullable.ts";
import { float64, int64, integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { windowed } from "../../../core/serde/windowed.ts";
import { hex, read, refusal, roundTrip, toHex, unwritable, utf8 } from "./reading.ts";

const int64s = fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n });
const integers = fc.integer({ min: -0x80000000, max: 0x7fffffff });

describe("text", () => {
  it("gives every well-formed string back, a byte order mark and NULs included", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (value) => expect(roundTrip(text, value)).toBe(value)));
    fc.assert(fc.property(fc.string({ unit: "binary-ascii", maxLength: 64 }), (value) => expect(roundTrip(text, value)).toBe(value)));
    for (const value of ["", "\ufeffx", "\0", "€", "x".repeat(19), "x".repeat(33), "ü".repeat(5000)])
      expect(roundTrip(text, value)).toBe(value);
  });

  it("writes the same bytes as TextEncoder", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (value) =>
        expect(Array.from(text.serialize(value, "t"))).toEqual(Array.from(utf8(value))),
      ),
    );
  });

  it("refuses to read what is not UTF-8 and says what it looks like", () => {
    const error = refusal(text, hex("00 00 00 00 07 ff fe"));
    expect(error.code).toBe("DECODE_FAILED");
    expect(error.message).toMatch(/not UTF-8\. First byte 0x00 looks like a schema registry's frame, schema id 7$/);
  });

  it("refuses to write half of a surrogate pair, which would become another string", () => {
    expect(unwritable(text, "a\ud800")).toMatchObject({ code: "ENCODE_FAILED" });
    expect(unwritable(text, `${"a".repeat(100)}\udc00`).message).toContain("surrogate pair");
  });

  it("names what is not a string", () => {
    expect(unwritable(text, 5).message).toBe("Cannot write the number 5 as text: a string is wanted");
    expect(unwritable(text, undefined).message).toContain("undefined");
  });
});

describe("numbers", () => {
  it("come back as they were", () => {
    fc.assert(fc.property(integers, (value) => expect(roundTrip(integer, value)).toBe(value)));
    fc.assert(fc.property(int64s, (value) => expect(roundTrip(int64, value)).toBe(value)));
    fc.assert(fc.property(fc.double(), (value) => expect(roundTrip(float64, value)).toBe(value)));
    expect(roundTrip(float64, -0)).toBe(-0);
  });

  it("have Kafka's bytes: big-endian with sign", () => {
    expect(toHex(integer.serialize(1, "t"))).toBe("00000001");
    expect(toHex(integer.serialize(-2, "t"))).toBe("fffffffe");
    expect(toHex(int64.serialize(-2n, "t"))).toBe("fffffffffffffffe");
    expect(toHex(float64.serialize(1.5, "t"))).toBe("3ff8000000000000");
  });

  it("read four zero bytes as zero", () => {
    expect(read(integer, hex("00 00 00 00"))).toBe(0);
  });

  it("are refused when they do not fit", () => {
    for (const value of [0.5, 2 ** 31, Number.NaN, "1", 5n]) expect(unwritable(integer, value)).toMatchObject({ code: "ENCODE_FAILED" });
    for (const value of [1n << 63n, 5]) expect(unwritable(int64, value)).toMatchObject({ code: "ENCODE_FAILED" });
    expect(unwritable(int64, 1n << 63n).message).toContain("a bigint of 19 digits");
    expect(unwritable(float64, "1")).toMatchObject({ code: "ENCODE_FAILED" });
  });

  it("are refused when the bytes have another length, with a guess at what they are", () => {
    expect(refusal(int64, utf8('{"a":1}')).message).toBe(
      "Cannot read 7 bytes as int64: exactly 8 are wanted. First byte 0x7b looks like JSON",
    );
    expect(refusal(integer, hex("00 00 00 00 00 00 00 05")).message).toContain("an 8-byte integer");
    expect(refusal(integer, hex("")).message).toContain("no bytes at all");
    expect(refusal(float64, hex("01")).code).toBe("DECODE_FAILED");
  });

  it("can be read from the middle of a larger buffer", () => {
    const buffer = hex("ff ff 00 00 00 07 ff ff ff ff ff ff");
    expect(read(integer, buffer.subarray(2, 6))).toBe(7);
    expect(read(int64, buffer.subarray(2, 10))).toBe(0x7ffffffffn);
  });
});

describe("bytes", () => {
  it("come back as they were, as a copy that the fetched batch does not share", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5000 }), (value) => {
        const padded = new Uint8Array(value.length + 2);
        padded.set(value, 1);
        const back = read(bytes, padded.subarray(1, value.length + 1));
        expect(Array.from(back)).toEqual(Array.from(value));
        padded.fill(0xee);
        expect(Array.from(back)).toEqual(Array.from(value));
      }),
    );
  });

  it("refuse anything else", () => {
    for (const value of ["a", [1], undefined, new Uint16Array(1)])
      expect(unwritable(bytes, value)).toMatchObject({ code: "ENCODE_FAILED" });
  });
});

describe("nullable", () => {
  it("says that it takes null and is otherwise the serde it stands on", () => {
    const serde = nullable(text);
    expect(serde.takesNull).toBe(true);
    expect(serde.name).toBe("text");
    expect(roundTrip(serde, "a")).toBe("a");
    expect(unwritable(serde, null).message).toContain("null");
  });

  it("hands opening and preparing through", async () => {
    const asked: string[] = [];
    const serde = nullable({
      ...text,
      open: async (topic: string, where: "key" | "value", use: "read" | "write") => void asked.push(`open ${topic} ${where} ${use}`),
      prepare: (_: Uint8Array, topic: string) => void asked.push(`prepare ${topic}`),
    });
    await serde.open?.("t", "key", "write");
    serde.prepare?.(hex("00"), "t");
    expect(asked).toEqual(["open t key write", "prepare t"]);
  });
});

describe("windowed", () => {
  const serde = windowed(text);

  it("gives key and window back", () => {
    const time = fc.maxSafeInteger();
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), time, time, (key, start, end) => {
        const value = { key, window: { start, end } };
        expect(roundTrip(serde, value)).toEqual(value);
      }),
    );
  });

  it("writes what Kafka Streams writes for a session: key, end, start", () => {
    expect(toHex(serde.serialize({ key: "a", window: { start: 1, end: 258 } }, "t"))).toBe("6100000000000001020000000000000001");
  });

  it("keeps a window that has no end", () => {
    const value = { key: "a", window: { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY } };
    expect(roundTrip(serde, value)).toEqual(value);
  });

  it("refuses a key that is too short, and bounds that are no times", () => {
    expect(refusal(serde, utf8("short")).message).toContain("the window alone takes 16");
    expect(refusal(serde, hex("61 7f00000000000000 0000000000000000")).code).toBe("DECODE_FAILED");
    expect(unwritable(serde, { key: "a", window: { start: 0.5, end: 1 } })).toMatchObject({ code: "ENCODE_FAILED" });
  });

  it("passes on why the key cannot be read", () => {
    expect(refusal(windowed(int64), hex("61 0000000000000001 0000000000000000")).message).toContain("int64");
  });

  it("prepares with the bytes of the key alone", () => {
    const seen: number[] = [];
    const preparing = windowed({ ...text, prepare: (bytes: Uint8Array) => void seen.push(bytes.length) });
    preparing.prepare?.(serde.serialize({ key: "abc", window: { start: 0, end: 1 } }, "t"), "t");
    preparing.prepare?.(utf8("short"), "t");
    expect(seen).toEqual([3]);
  });
});
