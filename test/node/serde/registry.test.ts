import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { MillraceError } from "../../../core/errors.ts";
import { nullable } from "../../../core/serde/nullable.ts";
import type { Serde } from "../../../core/serde/serde.ts";
import { avro } from "../../../node/serde/avro.ts";
import { type ConfluentRegistryOptions, confluentRegistry } from "../../../node/serde/confluent_registry.ts";
import { checkedSchema, schemaLimits } from "../../../node/serde/schema_check.ts";
import type { SchemaRegistry } from "../../../node/serde/schema_registry.ts";
import { hex, read, refusal, toHex, unwritable, utf8 } from "../../core/serde/reading.ts";
import { type RegistryServer, startRegistryServer } from "./registry_server.ts";

let server: RegistryServer;
let now = 0;
beforeEach(async () => {
  server = await startRegistryServer();
  now = 0;
});
afterEach(() => server.close());

const registryOf = (options: Partial<ConfluentRegistryOptions> = {}): SchemaRegistry =>
  confluentRegistry({ host: server.host, monotonic: () => now, ...options });

const point = {
  type: "record",
  name: "Point",
  fields: [
    { name: "x", type: "long" },
    { name: "y", type: "long" },
  ],
} as const;
const wider = {
  type: "record",
  name: "Point",
  fields: [
    { name: "y", type: "double" },
    { name: "z", type: "string", default: "none" },
    { name: "x", type: "double" },
  ],
} as const;

/** Bytes with a schema id in front. */
const framed = (id: number, bytes: string): Uint8Array => hex(`00${id.toString(16).padStart(8, "0")}${bytes}`);

/** Reads as the engine does: prepares, then decodes. */
const receive = async <T>(serde: Serde<T>, bytes: Uint8Array) => {
  await serde.prepare?.(bytes, "t");
  return serde.deserialize(bytes, "t");
};
const errorOf = async (serde: Serde<any>, bytes: Uint8Array) => {
  await serde.prepare?.(bytes, "t");
  return refusal(serde, bytes);
};
const rejection = (promise: Promise<unknown> | undefined): Promise<MillraceError> =>
  (promise ?? Promise.resolve()).then(
    () => Promise.reject(new Error("It went well")),
    (error: MillraceError) => error,
  );

describe("avro with a registry", () => {
  it("registers its schema under the topic's name when it is opened for writing, and writes its id in front", async () => {
    const serde = avro(point, { registry: registryOf() });
    await serde.open?.("points", "value", "write");
    await serde.open?.("points", "key", "write");
    expect(server.asked).toEqual([
      "POST /subjects/points-value",
      "POST /subjects/points-value/versions",
      "POST /subjects/points-key",
      "POST /subjects/points-key/versions",
    ]);
    expect(toHex(serde.serialize({ x: 1, y: -1 }, "points"))).toBe("00000000010201");
  });

  it("asks once per subject, and not at all for reading", async () => {
    const registry = registryOf();
    const one = avro(point, { registry });
    const other = avro(point, { registry });
    await Promise.all([
      one.open?.("points", "value", "write"),
      other.open?.("points", "value", "write"),
      one.open?.("more", "value", "read"),
    ]);
    expect(server.asked).toHaveLength(2);
  });

  it("takes a subject or an id of one's own", async () => {
    const serde = avro(point, { registry: registryOf(), subject: "com.example.Point" });
    await serde.open?.("points", "value", "write");
    expect(server.asked[0]).toBe("POST /subjects/com.example.Point");
    const known = avro(point, { registry: registryOf(), id: 0x01020304 });
    expect(toHex(known.serialize({ x: 0, y: 0 }, "points"))).toBe("00010203040000");
  });

  it("with register: false refuses to start when the schema is not there", async () => {
    const error = await rejection(avro(point, { registry: registryOf(), register: false }).open?.("points", "value", "write"));
    expect(error).toMatchObject({ name: "ConfigurationError", code: "SCHEMA_UNKNOWN" });
    expect(error.message).toContain("'points-value'");
    expect(server.asked).toEqual(["POST /subjects/points-value"]);
  });

  it("finds the registry below a path, and subjects whatever their names are", async () => {
    const registry = registryOf({ host: `${server.host}/apis/ccompat/v7/` });
    await registry.fetch(1);
    await rejection(registry.idOf("a/b c-value", '"int"', true));
    expect(server.asked.slice(0, 2)).toEqual(["GET /apis/ccompat/v7/schemas/ids/1", "POST /apis/ccompat/v7/subjects/a%2Fb%20c-value"]);
  });

  it("can be copied and changed like any other serde", async () => {
    const serde = { ...avro(point, { registry: registryOf() }), name: "mine" };
    await serde.open?.("points", "value", "write");
    const bytes = serde.serialize({ x: 1, y: 2 }, "points");
    expect(await receive(nullable(serde), bytes)).toMatchObject({ right: { x: 1, y: 2 } });
  });

  it("says so when a topic was not opened for writing", () => {
    expect(unwritable(avro(point, { registry: registryOf() }), { x: 1, y: 1 }).message).toContain("await open() first");
  });

  it("fetches an unknown id once, before the first record that carries it, and decodes synchronously from then on", async () => {
    server.put(7, JSON.stringify(point));
    const serde = avro(point, { registry: registryOf() });
    const bytes = framed(7, "0201");
    expect(refusal(serde, bytes).message).toContain("await prepare()");
    await Promise.all([serde.prepare?.(bytes, "t"), serde.prepare?.(bytes, "t")]);
    expect(read(serde, bytes)).toEqual({ x: 1, y: -1 });
    expect(serde.prepare?.(bytes, "t")).toBeUndefined();
    expect(server.asked).toEqual(["GET /schemas/ids/7"]);
  });

  it("reads what another version of the schema has written, by Avro's rules", async () => {
    server.put(7, JSON.stringify(point));
    server.put(8, JSON.stringify(wider));
    const serde = avro(wider, { registry: registryOf() });
    expect(await receive(serde, framed(7, "0201"))).toMatchObject({ right: { y: -1, z: "none", x: 1 } });
    expect(await receive(serde, framed(8, "000000000000f03f 0261 0000000000000040"))).toMatchObject({ right: { y: 1, z: "a", x: 2 } });
    const plain = await receive(serde, framed(7, "0201"));
    expect(Object.getPrototypeOf(plain._tag === "Right" ? plain.right : null)).toBe(Object.prototype);
  });

  it("reads longs and unions exactly also where it resolves", async () => {
    server.put(
      1,
      JSON.stringify({
        type: "record",
        name: "R",
        fields: [
          { name: "gone", type: { type: "array", items: "long" } },
          { name: "a", type: "long" },
          { name: "u", type: "int" },
        ],
      }),
    );
    const reader = {
      type: "record",
      name: "R",
      fields: [
        { name: "a", type: "double" },
        { name: "u", type: ["string", "int"] },
      ],
    } as const;
    const serde = avro(reader, { registry: registryOf() });
    const negative = toHex(avro("long").serialize(-(2 ** 52) - 1, "t"));
    expect(await receive(serde, framed(1, `0202 00 ${negative} 06`))).toMatchObject({ right: { a: -(2 ** 52) - 1, u: 3 } });
    const beyond = "82 80 80 80 80 80 80 20";
    expect((await errorOf(serde, framed(1, `00 ${beyond} 06`))).message).toContain(
      "with schema id 1: a long in it is beyond 2^53, which a number cannot hold exactly",
    );
    // A block that says it is minus three bytes long must not send the reader back for ever.
    expect((await errorOf(serde, framed(1, "01 05 00 00"))).code).toMatch(/DECODE_FAILED|LIMIT_EXCEEDED/);
    const huge = toHex(avro("long").serialize(2 ** 40, "t"));
    expect((await errorOf(serde, framed(1, `${huge} 00`))).code).toBe("LIMIT_EXCEEDED");
  });

  it("says which two schemas do not go together, by fingerprint", async () => {
    server.put(7, JSON.stringify({ ...point, fields: [{ name: "x", type: "string" }] }));
    const serde = avro(point, { registry: registryOf() });
    const error = await errorOf(serde, framed(7, "0261"));
    expect(error.code).toBe("SCHEMA_INCOMPATIBLE");
    expect(error.message).toMatch(/schema id 7 \(writer 'Point', fingerprint [0-9a-f]{32}\) as 'Point' \(fingerprint [0-9a-f]{32}\): /);
    expect((await errorOf(serde, framed(7, "0261"))).message).toBe(error.message);
    expect(server.asked).toHaveLength(1);
  });

  it("refuses a record that has no frame, with a guess at what it is", async () => {
    const serde = avro(point, { registry: registryOf() });
    expect((await errorOf(serde, utf8('{"x":1}'))).message).toContain("First byte 0x7b looks like JSON");
    expect((await errorOf(serde, hex("000000"))).code).toBe("DECODE_FAILED");
    expect(server.asked).toEqual([]);
  });

  it("refuses a frame with too few or too many bytes behind it and names the schema id", async () => {
    server.put(7, JSON.stringify(point));
    const serde = avro(point, { registry: registryOf() });
    expect((await errorOf(serde, framed(7, "02"))).message).toContain("with schema id 7: they end in the middle");
    expect((await errorOf(serde, framed(7, "020202"))).message).toContain("with schema id 7: 1 bytes are left over");
  });

  it("follows references to schemas of other subjects", async () => {
    const address = { type: "record", name: "Address", fields: [{ name: "city", type: "City" }] };
    const city = { type: "record", name: "City", fields: [{ name: "name", type: "string" }] };
    const person = { type: "record", name: "Person", fields: [{ name: "at", type: "Address" }] };
    const helper = registryOf();
    await helper.idOf("city", JSON.stringify(city), true);
    await helper.idOf("address", JSON.stringify(address), true);
    server.put(2, JSON.stringify(address), { references: [{ name: "City", subject: "city", version: 1 }] });
    server.put(9, JSON.stringify(person), {
      references: [
        { name: "Address", subject: "address", version: 1 },
        { name: "City", subject: "city", version: 1 },
      ],
    });
    const whole = {
      type: "record",
      name: "Person",
      fields: [{ name: "at", type: { ...address, fields: [{ name: "city", type: city }] } }],
    } as const;
    const serde = avro(whole as any, { registry: registryOf() });
    expect(await receive(serde, framed(9, "0652 6f6d".replaceAll(" ", "")))).toMatchObject({ right: { at: { city: { name: "Rom" } } } });
  });
});

describe("a registry that does not have an id", () => {
  it("makes the record a bad one, and is not asked again for a minute", async () => {
    const serde = avro(point, { registry: registryOf() });
    const error = await errorOf(serde, framed(99, "0201"));
    expect(error).toMatchObject({ name: "DecodeError", code: "SCHEMA_UNKNOWN" });
    expect(error.message).toContain("schema id 99");
    now = 59_999;
    expect(serde.prepare?.(framed(99, "0201"), "t")).toBeUndefined();
    expect((await errorOf(serde, framed(99, "0201"))).code).toBe("SCHEMA_UNKNOWN");
    expect(server.asked).toHaveLength(1);
  });

  it("is asked again after that, and may have it then", async () => {
    const serde = avro(point, { registry: registryOf() });
    await errorOf(serde, framed(99, "0201"));
    server.put(99, JSON.stringify(point));
    now = 60_000;
    expect(await receive(serde, framed(99, "0201"))).toMatchObject({ right: { x: 1, y: -1 } });
    expect(server.asked).toHaveLength(2);
  });

  it("remembers a bounded number of ids, known and unknown", async () => {
    const registry = registryOf({ cacheSize: 3 });
    for (let id = 1; id <= 5; id++) server.put(id, JSON.stringify(point));
    for (let id = 1; id <= 10; id++) await registry.fetch(id);
    expect([1, 2, 3, 4, 5].map((id) => registry.known(id) !== undefined)).toEqual([false, false, true, true, true]);
    expect([6, 7, 8, 9, 10].map((id) => registry.known(id))).toEqual([undefined, undefined, "unknown", "unknown", "unknown"]);
  });

  it("does not forget how to read the ids that a serde uses when others come", async () => {
    const serde = avro(point, { registry: registryOf({ cacheSize: 2 }) });
    for (let id = 1; id <= 6; id++) server.put(id, JSON.stringify(point));
    for (const id of [1, 2, 3, 4, 5, 6, 1, 6]) expect(await receive(serde, framed(id, "0201"))).toMatchObject({ _tag: "Right" });
  });
});

describe("a registry that cannot be asked", () => {
  it("is not the record's fault: it is unreachable, and may be asked again", async () => {
    server.put(7, JSON.stringify(point));
    const serde = avro(point, { registry: registryOf({ timeoutMs: 200 }) });
    for (const mood of ["failing", "silent", "dripping", "hanging-up", "html"] as const) {
      server.mood = mood;
      const error = await rejection(serde.prepare?.(framed(7, "0201"), "t"));
      expect(error).toMatchObject({ name: "MillraceError", code: "REGISTRY_UNREACHABLE" });
      expect(error.message).toContain(server.host);
      expect(await rejection(serde.open?.("points", "value", "write"))).toMatchObject({ code: "REGISTRY_UNREACHABLE" });
    }
    server.mood = "well";
    expect(await receive(serde, framed(7, "0201"))).toMatchObject({ right: { x: 1, y: -1 } });
    await serde.open?.("points", "value", "write");
    expect(serde.serialize({ x: 1, y: 1 }, "points")).toHaveLength(7);
  });

  it("is unreachable when nobody listens", async () => {
    await server.close();
    const error = await rejection(registryOf().fetch(1));
    expect(error).toMatchObject({ code: "REGISTRY_UNREACHABLE" });
    expect(error.message).toContain("ECONNREFUSED");
  });

  it("is a mistake in the configuration when it does not let us in", async () => {
    server.mood = "unauthorized";
    expect(await rejection(registryOf().idOf("s", '"int"', true))).toMatchObject({ name: "ConfigurationError", code: "NOT_AUTHENTICATED" });
    server.mood = "forbidden";
    expect(await rejection(registryOf().fetch(1))).toMatchObject({ name: "ConfigurationError", code: "NOT_AUTHORIZED" });
  });

  it("says so when a schema is incompatible with the versions before it", async () => {
    server.mood = "incompatible";
    const error = await rejection(avro(point, { registry: registryOf() }).open?.("points", "value", "write"));
    expect(error).toMatchObject({ name: "ConfigurationError", code: "SCHEMA_INCOMPATIBLE" });
    expect(error.message).toContain("'points-value'");
  });
});

describe("credentials of a registry", () => {
  it("go along with every request, and nowhere else", async () => {
    const basic = registryOf({ auth: { username: "me", password: "secret" } });
    await basic.fetch(1);
    expect(server.headers.authorization).toBe(`Basic ${Buffer.from("me:secret").toString("base64")}`);
    const bearer = registryOf({ auth: { token: "secret-token" } });
    await bearer.fetch(1);
    expect(server.headers.authorization).toBe("Bearer secret-token");
    for (const registry of [basic, bearer]) {
      expect(inspect(registry, { depth: 10, showHidden: true })).not.toContain("secret");
      expect(JSON.stringify(registry)).not.toContain("secret");
    }
  });

  it("do not go over plain http to another machine, nor stand in the address", () => {
    const auth = { username: "me", password: "secret" };
    expect(() => confluentRegistry({ host: "http://registry.example.com", auth })).toThrow("use https");
    expect(confluentRegistry({ host: "http://registry.example.com", auth, insecure: true }).name).toBe("http://registry.example.com");
    expect(confluentRegistry({ host: "https://registry.example.com/apis/ccompat/v7/", auth }).name).toBe(
      "https://registry.example.com/apis/ccompat/v7",
    );
    for (const host of ["https://me:secret@registry.example.com", "//me:secret@registry"]) {
      let message = "";
      try {
        confluentRegistry({ host });
      } catch (thrown) {
        message = (thrown as Error).message;
      }
      expect(message).not.toBe("");
      expect(message).not.toContain("secret");
    }
  });

  it("refuses options that make no sense", () => {
    expect(() => confluentRegistry({ host: "registry:8081" })).toThrow("http: or https:");
    expect(() => confluentRegistry({ host: "http://127.0.0.1", timeoutMs: 0 })).toThrow("timeoutMs");
    expect(() => confluentRegistry({ host: "http://127.0.0.1", cacheSize: Number.NaN })).toThrow("cacheSize");
  });
});

describe("a schema from outside", () => {
  it("is not let in when it is too large, too deep, or when its names are no names", async () => {
    const nested = (levels: number): string => `${'{"type":"array","items":'.repeat(levels)}"int"${"}".repeat(levels)}`;
    const hostile = {
      1: nested(1000),
      2: JSON.stringify({ type: "record", name: "R", fields: [{ name: "a){process.exit()}", type: "int" }] }),
      3: '{"type":"record","name":"R","fields":[{"name":"__proto__","type":"int"}]}',
      4: '{"type":"record","name":"R","__proto__":{"fields":[]},"fields":[]}',
      5: JSON.stringify({ type: "record", name: "R", doc: "x".repeat(2_000_000), fields: [] }),
      6: JSON.stringify({ type: "enum", name: "E", symbols: Array.from({ length: 30_000 }, (_, index) => `S${index}`) }),
    };
    const serde = avro(point, { registry: registryOf() });
    for (const [id, schema] of Object.entries(hostile)) {
      server.put(Number(id), schema);
      const error = await errorOf(serde, framed(Number(id), "00"));
      expect(error.code).toBe("LIMIT_EXCEEDED");
      expect(error.message).toContain(`schema of id ${id}`);
    }
  });

  it("is not let in when it is no Avro schema", async () => {
    server.put(1, "{}", { schemaType: "JSON" });
    server.put(2, '{"type":"recor","name":"R"}');
    server.put(3, "not json at all");
    const serde = avro(point, { registry: registryOf() });
    expect((await errorOf(serde, framed(1, "00"))).message).toContain("of type JSON");
    expect((await errorOf(serde, framed(2, "00"))).code).toBe("SCHEMA_INCOMPATIBLE");
    expect((await errorOf(serde, framed(3, "00"))).code).toBe("LIMIT_EXCEEDED");
  });

  it("may hold anything in documentation, defaults and attributes", () => {
    const schema = {
      type: "record",
      name: "com.example.R",
      doc: "what it is; and (why)",
      fields: [
        { name: "a", type: "string", default: "not a name!", doc: "-" },
        { name: "m", type: { type: "map", values: "string" }, default: { type: "also no name", name: "no name" } },
        { name: "t", type: { type: "long", logicalType: "timestamp-millis" }, order: "ascending" },
        { name: "j", type: { type: "string", "avro.java.string": "String" }, aliases: ["k"] },
      ],
    };
    expect(checkedSchema(JSON.stringify(schema))).toEqual({ schema });
    expect(checkedSchema('"int"')).toEqual({ schema: "int" });
    expect(checkedSchema("int")).toEqual({ schema: "int" });
    expect(checkedSchema("x".repeat(11), { ...schemaLimits, charactersMax: 10 })).toHaveProperty("refused");
  });
});
