import { describe, expect, it } from "@jest/globals";
import avsc from "avsc";
import fc from "fast-check";
import { selfDescribing } from "../../../core/serde/self_describing.ts";
import type { Infer } from "../../../core/serde/serde.ts";
import { avro } from "../../../node/serde/avro.ts";
import type { AvroSchema, AvroValue } from "../../../node/serde/avro_schema.ts";
import { emptyElementsMax } from "../../../node/serde/avro_types.ts";
import { hex, read, refusal, roundTrip, toHex, unwritable, utf8 } from "../../core/serde/reading.ts";

const Transaction = avro({
  type: "record",
  name: "Transaction",
  fields: [
    { name: "id", type: "string" },
    { name: "amount", type: "double" },
    { name: "timestamp", type: "long" },
    { name: "tier", type: { type: "enum", name: "Tier", symbols: ["basic", "gold"] } },
    { name: "note", type: ["null", "string"], default: null },
    { name: "tags", type: { type: "array", items: "string" } },
    { name: "scores", type: { type: "map", values: "int" } },
    { name: "hash", type: { type: "fixed", name: "Hash", size: 4 } },
    { name: "raw", type: "bytes" },
    {
      name: "nested",
      type: {
        type: "record",
        name: "Nested",
        fields: [
          { name: "ok", type: "boolean" },
          { name: "ratio", type: "float" },
        ],
      },
    },
  ],
});
type Transaction = Infer<typeof Transaction>;

const transaction: Transaction = {
  id: "tx-1",
  amount: 12.5,
  timestamp: 1700000000123,
  tier: "gold",
  note: null,
  tags: ["a", "b"],
  scores: { x: 1, constructor: 2 },
  hash: hex("01020304"),
  raw: hex("ff00"),
  nested: { ok: true, ratio: 0.5 },
};

const transactions: fc.Arbitrary<Transaction> = fc.record(
  {
    id: fc.string({ unit: "grapheme", maxLength: 100 }),
    amount: fc.double(),
    timestamp: fc.maxSafeInteger(),
    tier: fc.constantFrom("basic", "gold"),
    note: fc.option(fc.string({ unit: "grapheme" }), { nil: null }),
    tags: fc.array(fc.string()),
    scores: fc.dictionary(
      fc.string().filter((key) => key !== "__proto__"),
      fc.integer(),
      { noNullPrototype: true },
    ),
    hash: fc.uint8Array({ minLength: 4, maxLength: 4 }),
    raw: fc.uint8Array({ maxLength: 3000 }),
    nested: fc.record({ ok: fc.boolean(), ratio: fc.float() }, { noNullPrototype: true }),
  },
  { noNullPrototype: true },
);

describe("avro", () => {
  it("gives back what was written", () => {
    fc.assert(
      fc.property(transactions, (value) => expect(roundTrip(Transaction, value)).toEqual(value)),
      { numRuns: 300 },
    );
  });

  it("writes Avro's bytes: those of the specification, and those of avsc", () => {
    expect(toHex(avro("long").serialize(64, "t"))).toBe("8001");
    expect(toHex(avro("long").serialize(-64, "t"))).toBe("7f");
    expect(toHex(avro("string").serialize("foo", "t"))).toBe("06666f6f");
    expect(toHex(avro({ type: "array", items: "long" }).serialize([3, 27], "t"))).toBe("04063600");
    expect(toHex(avro(["null", "string"]).serialize("a", "t"))).toBe("020261");
    const schema = {
      type: "record",
      name: "R",
      fields: [
        { name: "a", type: "long" },
        { name: "b", type: "string" },
        { name: "c", type: "double" },
      ],
    } as const;
    const theirs = avsc.Type.forSchema(structuredClone(schema) as any);
    fc.assert(
      fc.property(fc.integer(), fc.string({ unit: "grapheme" }), fc.double(), (a, b, c) => {
        expect(toHex(avro(schema).serialize({ a, b, c }, "t"))).toBe(toHex(theirs.toBuffer({ a, b, c })));
      }),
      { numRuns: 50 },
    );
  });

  it("gives plain objects, which structured clone and the self-describing serde take", () => {
    const value = roundTrip(Transaction, transaction);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.getPrototypeOf(value.nested)).toBe(Object.prototype);
    expect(value.raw.constructor).toBe(Uint8Array);
    expect(value.hash.constructor).toBe(Uint8Array);
    expect(structuredClone(value)).toEqual(value);
    expect(roundTrip(selfDescribing, value)).toEqual(value);
  });

  it("gives values that share no memory with the bytes", () => {
    const bytes = Transaction.serialize(transaction, "t").slice();
    const value = read(Transaction, bytes);
    bytes.fill(0xff);
    expect(value).toEqual(transaction);
  });

  it("gives arrays that later writing never changes", () => {
    const sizes = [10, 3000, 10, 40_000, 10, 2047, 2049];
    const serde = avro("bytes");
    const written = sizes.map((size, index) => serde.serialize(new Uint8Array(size).fill(index), "t"));
    for (const [index, bytes] of written.entries()) expect(read(serde, bytes)).toEqual(new Uint8Array(sizes[index]!).fill(index));
  });

  it("fills in the default of a field that is missing", () => {
    const { note: _, ...rest } = transaction;
    expect(roundTrip(Transaction, rest as Transaction).note).toBeNull();
    const withDefaults = avro({
      type: "record",
      name: "D",
      fields: [
        { name: "b", type: "bytes", default: "\u00ff\u0001" },
        { name: "f", type: { type: "fixed", name: "F", size: 1 }, default: "\u0007" },
        { name: "l", type: "long", default: 5 },
        { name: "u", type: ["string", "null"], default: "x" },
        { name: "a", type: { type: "array", items: "int" }, default: [1] },
        { name: "m", type: { type: "map", values: "int" }, default: { k: 1 } },
      ],
    });
    expect(roundTrip(withDefaults, {} as any)).toEqual({ b: hex("ff01"), f: hex("07"), l: 5, u: "x", a: [1], m: { k: 1 } });
  });

  it("refuses a schema that is none when it is given", () => {
    expect(() => avro("strng")).toThrow("Cannot use this Avro schema: undefined type name: strng");
    expect(() => avro({ type: "record", name: "R", fields: [{ name: "a b", type: "int" }] })).toThrow("a b");
    expect(() => avro("int", { subject: "s" })).toThrow("without a registry");
  });

  it("has a name that is the same exactly when the bytes are", () => {
    const field = { name: "a", type: "int" } as const;
    const one = avro({ type: "record", name: "R", fields: [field], doc: "one" });
    const other = avro({ type: "record", name: "R", fields: [{ ...field, default: 1 }] });
    expect(one.name).toBe(other.name);
    expect(avro({ type: "record", name: "R", fields: [{ ...field, type: "long" }] }).name).not.toBe(one.name);
  });
});

describe("avro and longs", () => {
  const serde = avro("long");

  it("keeps every safe integer, where avsc alone flips signs", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => expect(roundTrip(serde, value)).toBe(value === 0 ? 0 : value)),
      { numRuns: 2000 },
    );
    for (const value of [
      0,
      63,
      64,
      -64,
      -65,
      8191,
      8192,
      2 ** 27,
      2 ** 28,
      -(2 ** 28),
      2 ** 30,
      -(2 ** 30) - 1,
      2 ** 52,
      -(2 ** 52) - 1,
      2 ** 53 - 1,
      -(2 ** 53) + 1,
    ])
      expect(roundTrip(serde, value)).toBe(value);
    // The reason for reading longs ourselves. When this line fails, avsc has been mended.
    const theirs = avsc.Type.forSchema("long");
    expect(theirs.fromBuffer(theirs.toBuffer(-(2 ** 52) - 1))).toBe(2 ** 52);
  });

  it("refuses a long that a number cannot hold", () => {
    const encoded = (value: bigint): Uint8Array => {
      const bytes: number[] = [];
      let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
      for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
      return Uint8Array.from([...bytes, Number(rest)]);
    };
    for (const value of [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n), 9007199254740993n]) {
      const error = refusal(serde, encoded(value));
      expect(error.code).toBe("DECODE_FAILED");
      expect(error.message).toContain("a long in it is beyond 2^53, which a number cannot hold exactly");
    }
    fc.assert(fc.property(fc.maxSafeInteger(), (value) => expect(read(serde, encoded(BigInt(value)))).toBe(value === 0 ? 0 : value)));
  });

  it("refuses to write one that is not exact, and an int beyond 32 bits", () => {
    for (const value of [2 ** 53, 0.5, Number.NaN, "1", 1n])
      expect(unwritable(serde, value).message).toContain("a whole number that is exact is wanted");
    expect(unwritable(avro("int"), 2 ** 31)).toMatchObject({ code: "ENCODE_FAILED" });
    expect(refusal(avro("int"), serde.serialize(2 ** 31, "t")).message).toContain("an int in it does not fit into 32 bits");
  });
});

describe("avro and bytes that are not as they should be", () => {
  it("answers a short buffer, left over bytes and bytes of another kind", () => {
    const bytes = Transaction.serialize(transaction, "t");
    for (let cut = 0; cut < bytes.length; cut++) expect(refusal(Transaction, bytes.subarray(0, cut)).code).toBe("DECODE_FAILED");
    expect(refusal(Transaction, bytes.subarray(0, bytes.length - 1)).message).toContain("'Transaction': they end in the middle of it");
    expect(refusal(avro("int"), hex("0202")).message).toContain("1 bytes are left over");
    expect(refusal(Transaction, utf8('{"id":"tx-1","amount":12.5}')).message).toContain("First byte 0x7b looks like JSON");
    expect(refusal(avro({ type: "enum", name: "E", symbols: ["a"] }), hex("04")).code).toBe("DECODE_FAILED");
    expect(refusal(avro(["null", "int"]), hex("04")).message).toContain("no branch 2");
    expect(refusal(avro("string"), hex("04fffe")).message).toContain("not UTF-8");
    expect(roundTrip(avro("string"), "\ufffd")).toBe("\ufffd");
    expect(refusal(avro("long"), hex("ffffffffffffffffffffff01")).message).toContain("more than 10 bytes");
  });

  it("answers any bytes at all, soon and without taking much memory", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const decoded = Transaction.deserialize(bytes, "t");
        if (decoded._tag === "Left") expect(["DECODE_FAILED", "LIMIT_EXCEEDED"]).toContain(decoded.left.code);
      }),
      { numRuns: 3000 },
    );
  });

  it("does not build arrays and maps that the bytes cannot hold", () => {
    const huge = avro("long").serialize(2 ** 40, "t");
    expect(refusal(avro({ type: "array", items: "long" }), huge).code).toBe("LIMIT_EXCEEDED");
    expect(refusal(avro({ type: "array", items: "null" }), huge).code).toBe("LIMIT_EXCEEDED");
    expect(refusal(avro({ type: "map", values: "null" }), huge).code).toBe("LIMIT_EXCEEDED");
    const nulls = Array.from({ length: emptyElementsMax }, () => null);
    expect(roundTrip(avro({ type: "array", items: "null" }), nulls)).toHaveLength(emptyElementsMax);
    // Arrays in arrays share one allowance.
    const manyOfMany = Uint8Array.from([
      ...avro("long").serialize(1000, "t"),
      ...Array.from({ length: 1000 }, () => [...avro("long").serialize(60_000, "t"), 0]).flat(),
      0,
    ]);
    expect(refusal(avro({ type: "array", items: { type: "array", items: "null" } }), manyOfMany).code).toBe("LIMIT_EXCEEDED");
  });

  it("survives a value of a schema that contains itself, nested 100000 deep", () => {
    const list = avro({ type: "record", name: "List", fields: [{ name: "next", type: ["null", "List"] }] });
    expect(refusal(list, new Uint8Array(100_000).fill(2)).code).toBe("LIMIT_EXCEEDED");
    expect(refusal(avro({ type: "record", name: "Endless", fields: [{ name: "next", type: "Endless" }] }), hex("")).code).toBe(
      "LIMIT_EXCEEDED",
    );
  });

  it("does not let a map's key change what objects inherit", () => {
    const serde = avro({ type: "map", values: { type: "map", values: "int" } });
    const bytes = Uint8Array.from([2, 18, ...utf8("__proto__"), 2, 2, 0x78, 2, 0, 0]);
    expect(refusal(serde, bytes).message).toContain("__proto__");
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });
});

describe("avro and values that do not fit", () => {
  const refusedWith = (change: object): string => unwritable(Transaction, { ...transaction, ...change }).message;

  it("names the field", () => {
    expect(refusedWith({ amount: "12" })).toBe(
      `Cannot write a value as Avro 'Transaction': field 'amount' is a string of 2 characters, a double is wanted`,
    );
    expect(refusedWith({ id: undefined })).toContain("field 'id' is undefined, a string is wanted");
    expect(refusedWith({ tier: "silver" })).toContain("a symbol of enum Tier is wanted");
    expect(refusedWith({ tier: "constructor" })).toContain("field 'tier'");
    expect(refusedWith({ tags: ["a", 5] })).toContain("field 'tags.1' is the number 5");
    expect(refusedWith({ scores: { a: 0.5 } })).toContain("field 'scores.a' is the number 0.5, an int is wanted");
    expect(refusedWith({ hash: hex("01") })).toContain("a Uint8Array of 4 bytes is wanted");
    expect(refusedWith({ nested: { ok: 1, ratio: 1 } })).toContain("field 'nested.ok'");
    expect(refusedWith({ note: 5 })).toContain("field 'note' is the number 5, a string is wanted");
    expect(refusedWith({ id: "a\ud800" })).toContain("field 'id'");
    expect(unwritable(Transaction, null).message).toContain("the value is null, record Transaction is wanted");
  });

  it("writes again after that", () => {
    refusedWith({ amount: "12" });
    expect(roundTrip(Transaction, transaction)).toEqual(transaction);
  });
});

describe("avro unions", () => {
  it("take the value itself and find its branch, also among records and among numbers", () => {
    const Event = avro([
      { type: "record", name: "Created", fields: [{ name: "id", type: "string" }] },
      {
        type: "record",
        name: "Renamed",
        fields: [
          { name: "id", type: "string" },
          { name: "to", type: "string" },
        ],
      },
      "null",
    ]);
    for (const value of [{ id: "a" }, { id: "a", to: "b" }, null]) expect(roundTrip(Event, value as Infer<typeof Event>)).toEqual(value);
    const mixed = avro(["int", "double", "boolean", "bytes", { type: "array", items: "int" }, "string", { type: "map", values: "int" }]);
    for (const value of [5, 5.5, -0.5, true, hex("01"), [1], "s", { a: 1 }])
      expect(roundTrip(mixed, value as Infer<typeof mixed>)).toEqual(value);
    expect(unwritable(mixed, null).message).toContain(
      "the value is null, one of int, double, boolean, bytes, array, string, map is wanted",
    );
    const optional = avro(["bytes", "null"]);
    expect(roundTrip(optional, hex("0102"))).toEqual(hex("0102"));
    expect(roundTrip(optional, null)).toBeNull();
  });
});

describe("avro types", () => {
  it("follow from the schema's literal", () => {
    const schema = {
      type: "record",
      name: "ns.Tree",
      fields: [
        { name: "at", type: { type: "long", logicalType: "timestamp-millis" } },
        { name: "kind", type: { type: "enum", name: "Kind", symbols: ["leaf", "node"] } },
        { name: "was", type: "Kind" },
        { name: "children", type: { type: "array", items: "ns.Tree" } },
      ],
    } as const satisfies AvroSchema;
    type Tree = AvroValue<typeof schema>;
    const tree: Tree = { at: 1, kind: "leaf", was: "node", children: [{ at: 2, kind: "node", was: "leaf", children: [] }] };
    // @ts-expect-error "twig" is no symbol of the enum that is referred to by its name
    const wrong: Tree = { at: 1, kind: "leaf", was: "twig", children: [] };
    // @ts-expect-error a field of the record is missing
    const missing: Transaction = { id: "a" };
    const anySchema: AvroSchema = schema;
    const untyped: unknown = read(avro(anySchema), avro(schema).serialize(tree, "t"));
    expect(untyped).toEqual(tree);
    expect([wrong, missing]).toHaveLength(2);
  });
});
