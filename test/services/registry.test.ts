import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { MillraceError } from "../../core/errors.ts";
import { type LocalSchemaRegistry, schemaRegistryMissing, startSchemaRegistry } from "../../node/local/schema_registry.ts";
import { avro } from "../../node/serde/avro.ts";
import { confluentRegistry } from "../../node/serde/confluent_registry.ts";
import { read, refusal } from "../core/serde/reading.ts";

const missing = schemaRegistryMissing();
const withServer = missing.length === 0 ? describe : describe.skip;

const payment = {
  type: "record",
  name: "Payment",
  namespace: "com.example",
  fields: [
    { name: "id", type: "string" },
    { name: "amount", type: "double" },
    { name: "at", type: { type: "long", logicalType: "timestamp-millis" } },
  ],
} as const;
const withNote = { ...payment, fields: [...payment.fields, { name: "note", type: ["null", "string"], default: null }] } as const;
const withoutAmount = { ...payment, fields: [payment.fields[0], { name: "amount", type: "string" }] } as const;

const rejection = (promise: Promise<unknown> | undefined): Promise<MillraceError> =>
  (promise ?? Promise.resolve()).then(
    () => Promise.reject(new Error("It went well")),
    (error: MillraceError) => error,
  );
const idIn = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getInt32(1);

withServer(`avro with a real schema registry${missing.length === 0 ? "" : ` (missing: ${missing.join(", ")})`}`, () => {
  let server: LocalSchemaRegistry;
  const registryOf = () => confluentRegistry({ host: server.url });

  beforeAll(async () => {
    server = await startSchemaRegistry();
  }, 600_000);
  afterAll(() => server?.stop());

  it("brings a value from one program to another", async () => {
    const writer = avro(payment, { registry: registryOf() });
    const reader = avro(payment, { registry: registryOf() });
    await writer.open?.("payments", "value", "write");
    const value = { id: "a", amount: 12.5, at: 1700000000123 };
    const bytes = writer.serialize(value, "payments");
    expect(bytes[0]).toBe(0);
    await reader.prepare?.(bytes, "payments");
    expect(read(reader, bytes)).toEqual(value);
    expect(reader.prepare?.(bytes, "payments")).toBeUndefined();
  });

  it("finds a schema that is registered already, and gives the same schema one id", async () => {
    const ids = [];
    for (const [topic, where] of [
      ["payments", "value"],
      ["payments", "value"],
      ["refunds", "value"],
      ["payments", "key"],
    ] as const) {
      const serde = avro(payment, { registry: registryOf() });
      await serde.open?.(topic, where, "write");
      ids.push(idIn(serde.serialize({ id: "a", amount: 1, at: 0 }, topic)));
    }
    expect(new Set(ids).size).toBe(1);
    const subjects = (await (await fetch(`${server.url}/subjects`)).json()) as string[];
    expect(subjects.sort()).toEqual(["payments-key", "payments-value", "refunds-value"]);
    const versions = await (await fetch(`${server.url}/subjects/payments-value/versions`)).json();
    expect(versions).toEqual([1]);
  });

  it("reads across versions of a schema in both directions", async () => {
    const [old, young] = [avro(payment, { registry: registryOf() }), avro(withNote, { registry: registryOf() })];
    await old.open?.("evolving", "value", "write");
    await young.open?.("evolving", "value", "write");
    const [first, second] = [
      old.serialize({ id: "a", amount: 1, at: 5 }, "evolving"),
      young.serialize({ id: "b", amount: 2, at: 6, note: "hi" }, "evolving"),
    ];
    expect(idIn(first)).not.toBe(idIn(second));
    for (const serde of [old, young]) for (const bytes of [first, second]) await serde.prepare?.(bytes, "evolving");
    expect(read(young, first)).toEqual({ id: "a", amount: 1, at: 5, note: null });
    expect(read(old, second)).toEqual({ id: "b", amount: 2, at: 6 });
  });

  it("refuses to start with a schema that the registry holds to be incompatible", async () => {
    await avro(payment, { registry: registryOf() }).open?.("strict", "value", "write");
    const error = await rejection(avro(withoutAmount, { registry: registryOf() }).open?.("strict", "value", "write"));
    expect(error).toMatchObject({ name: "ConfigurationError", code: "SCHEMA_INCOMPATIBLE" });
    expect(error.message).toContain("'strict-value'");
  });

  it("makes a bad record of one that no version of the program's schema can read", async () => {
    const writer = avro(withoutAmount, { registry: registryOf() });
    await writer.open?.("foreign", "value", "write");
    const bytes = writer.serialize({ id: "a", amount: "b" }, "foreign");
    const reader = avro(payment, { registry: registryOf() });
    await reader.prepare?.(bytes, "foreign");
    expect(refusal(reader, bytes)).toMatchObject({ code: "SCHEMA_INCOMPATIBLE" });
    expect(refusal(reader, bytes).message).toMatch(/fingerprint [0-9a-f]{32}.*fingerprint [0-9a-f]{32}/);
  });

  it("makes a bad record of one with an id that the registry does not have", async () => {
    const reader = avro(payment, { registry: registryOf() });
    const bytes = avro(payment, { registry: registryOf(), id: 123_456 }).serialize({ id: "a", amount: 1, at: 0 }, "t");
    await reader.prepare?.(bytes, "t");
    expect(refusal(reader, bytes)).toMatchObject({ code: "SCHEMA_UNKNOWN" });
    expect(refusal(reader, bytes).message).toContain("123456");
  });

  it("with register: false writes only what somebody has registered", async () => {
    const careful = () => avro(payment, { registry: registryOf(), register: false });
    expect(await rejection(careful().open?.("careful", "value", "write"))).toMatchObject({ code: "SCHEMA_UNKNOWN" });
    await avro(payment, { registry: registryOf() }).open?.("careful", "value", "write");
    await expect(careful().open?.("careful", "value", "write")).resolves.toBeUndefined();
  });
});

withServer("avro while the schema registry is down", () => {
  it("waits for it instead of blaming the record, and goes on when it is back", async () => {
    const first = await startSchemaRegistry();
    const port = Number(new URL(first.url).port);
    const writer = avro(payment, { registry: confluentRegistry({ host: first.url }) });
    await writer.open?.("payments", "value", "write");
    const bytes = writer.serialize({ id: "a", amount: 1, at: 0 }, "payments");
    const reader = avro(payment, { registry: confluentRegistry({ host: first.url, timeoutMs: 2000 }) });
    await first.stop();
    expect(await rejection(reader.prepare?.(bytes, "payments"))).toMatchObject({ name: "MillraceError", code: "REGISTRY_UNREACHABLE" });
    expect(await rejection(reader.open?.("payments", "value", "write"))).toMatchObject({ code: "REGISTRY_UNREACHABLE" });
    // What is written needs no registry any more.
    expect(writer.serialize({ id: "b", amount: 2, at: 0 }, "payments")).toHaveLength(bytes.length);

    const second = await startSchemaRegistry({ port });
    try {
      await reader.open?.("payments", "value", "write");
      await reader.prepare?.(bytes, "payments");
      expect(read(reader, bytes)).toEqual({ id: "a", amount: 1, at: 0 });
    } finally {
      await second.stop();
    }
  });
});
