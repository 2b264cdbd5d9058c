import { afterEach, describe, expect, it } from "@jest/globals";
import * as fc from "fast-check";
import { avro } from "../../../node/serde/avro.ts";
import type { SchemaRegistry } from "../../../node/serde/schema_registry.ts";

const registryWith = (text: string): SchemaRegistry => ({
  name: "registry",
  cacheSize: 10,
  known: () => ({ type: "AVRO", text, references: [] }),
  fetch: async () => {},
  idOf: async () => 1,
});

const evil = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "__defineGetter__"] as const;
const shared = [Object.prototype, Array.prototype, Function.prototype, Map.prototype];
const before = shared.map((one) => Object.getOwnPropertyNames(one));

describe("Avro does not change what objects inherit", () => {
  afterEach(() => {
    expect(shared.map((one) => Object.getOwnPropertyNames(one))).toEqual(before);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it("by the keys of a map: one is refused, the others are keys like all others", () => {
    const serde = avro({ type: "map", values: { type: "map", values: "int" } });
    for (const key of evil.slice(1)) {
      const value = JSON.parse(`{"${key}":{"polluted":1,"${key}":2}}`);
      const decoded = serde.deserialize(serde.serialize(value, "t"), "t");
      expect(decoded).toMatchObject({ _tag: "Right" });
      expect(JSON.stringify(decoded)).toContain(JSON.stringify(value));
    }
    const honest = serde.serialize({ "-------": { a: 1 }, b: {} }, "t");
    // The same bytes with another key: somebody else may write what we do not.
    const hostile = Uint8Array.from([
      4,
      18,
      ...new TextEncoder().encode("__proto__"),
      2,
      2,
      97,
      2,
      0,
      ...honest.subarray(honest.length - 4),
    ]);
    expect(serde.deserialize(hostile, "t")).toMatchObject({
      _tag: "Left",
      left: { code: "DECODE_FAILED", message: expect.stringContaining("__proto__") },
    });
  });

  // Code is generated from a writer's schema, in which names become properties and functions.
  for (const name of evil)
    it(`by a schema of others with the name ${name} in it`, () => {
      const schemas: readonly object[] = [
        {
          type: "record",
          name: "R",
          fields: [
            { name, type: "int" },
            { name: "a", type: "int" },
          ],
        },
        { type: "record", name, fields: [{ name: "a", type: "int" }] },
        { type: "record", name: "R", namespace: name, fields: [{ name: "a", type: "int" }] },
        { type: "record", name: "R", fields: [{ name: "a", type: "int", aliases: [name] }] },
        { type: "record", name: "R", fields: [{ name: "a", type: { type: "enum", name: "E", symbols: [name] } }] },
        { type: "record", name: "R", fields: [{ name: "a", type: "int", default: { [name]: { polluted: true } } }] },
      ];
      for (const schema of schemas) {
        const reader = avro(
          { type: "record", name: "R", fields: [{ name: "a", type: "int" }] },
          { registry: registryWith(JSON.stringify(schema)) },
        );
        const decoded = reader.deserialize(Uint8Array.from([0, 0, 0, 0, 1, 2, 4, 6]), "t");
        if (decoded._tag === "Left") expect(decoded.left.name).toBe("DecodeError");
        else expect(Object.getPrototypeOf(decoded.right)).toBe(Object.prototype);
      }
    });

  it("by any bytes", () => {
    const serde = avro({
      type: "record",
      name: "Tree",
      fields: [
        { name: "map", type: { type: "map", values: "string" } },
        { name: "inner", type: ["null", "Tree"] },
      ],
    });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const decoded = serde.deserialize(bytes, "t");
        if (decoded._tag === "Left") expect(decoded.left.name).toBe("DecodeError");
      }),
    );
  });

  it("and ends at a depth that hostile bytes choose, with an error and not with the process", () => {
    const serde = avro({ type: "record", name: "Nest", fields: [{ name: "inner", type: { type: "array", items: "Nest" } }] });
    expect(serde.deserialize(new Uint8Array(2_000_000).fill(2), "t")).toMatchObject({ _tag: "Left", left: { code: "LIMIT_EXCEEDED" } });
  });
});
