// What each serde costs: microseconds of CPU per value, writing and reading, as a line of JSON each. The lines "(runtime)" are what the runtime itself offers, to compare with.
// node bench/serde.ts [values per round]

import {
  canonicalKey,
  float64,
  int64,
  integer,
  json,
  primitiveKey,
  type Serde,
  selfDescribing,
  text,
  typedKey,
  windowed,
} from "../core/serde/mod.ts";
import { avro } from "../node/serde/mod.ts";
import type { SchemaRegistry } from "../node/serde/schema_registry.ts";

const count = Number(process.argv[2] ?? 300_000);
const rounds = 4;

const payment = {
  transactionId: "tx-000123",
  accountId: "acc-0042",
  cardId: "card-77",
  merchant: "Shop 12",
  amount: 1234.5,
  currency: "EUR",
  timestamp: 1700000000123,
};
const order = {
  account: { id: "a-1", owner: "Jane Doe", tags: ["x", "y"] },
  items: [
    { sku: "s1", qty: 1, price: 9.99 },
    { sku: "s2", qty: 3, price: 1.5 },
  ],
  note: null,
  at: 1700000000123,
};
const orders = Array.from({ length: 100 }, (_, at) => ({ ...order, at }));
const aggregate = { count: 17, sum: 123.25, max: 99 };

const schema = {
  type: "record",
  name: "Payment",
  fields: [
    ...(["transactionId", "accountId", "cardId", "merchant"] as const).map((name) => ({ name, type: "string" as const })),
    { name: "amount", type: "double" },
    { name: "currency", type: "string" },
    { name: "timestamp", type: "long" },
  ],
} as const;
const older = { ...schema, fields: [...schema.fields, { name: "gone", type: "string" }] } as const;
const registry: SchemaRegistry = {
  name: "memory",
  cacheSize: 10,
  known: (id) => ({ type: "AVRO", text: JSON.stringify(id === 1 ? schema : older), references: [] }),
  fetch: async () => {},
  idOf: async (_, text) => (text === JSON.stringify(schema) ? 1 : 2),
};

/** Where results go, so that no runtime can leave the work out. */
const kept: { value: unknown } = { value: undefined };

/** The best of several rounds: the others had other work on the machine in them. */
const microseconds = (run: () => void): number => {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / count);
  }
  return Math.round(best * 1000) / 1000;
};

const line = (serde: string, value: string, write: () => Uint8Array | string, read?: (bytes: any) => unknown): void => {
  const bytes = write();
  const writeMicros = microseconds(() => {
    for (let at = 0; at < count; at++) kept.value = write();
  });
  const readMicros =
    read === undefined
      ? undefined
      : microseconds(() => {
          for (let at = 0; at < count; at++) kept.value = read(bytes);
        });
  console.log(JSON.stringify({ bench: "serde", serde, value, bytes: bytes.length, writeMicros, readMicros, node: process.version }));
};

const measure = <T>(name: string, value: string, serde: Serde<T>, sample: T): void =>
  line(
    name,
    value,
    () => serde.serialize(sample, "t"),
    (bytes: Uint8Array) => serde.deserialize(bytes, "t"),
  );

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

for (const sample of ["acc-0042", "acc-0042-0123456789-0123", "x".repeat(100), "größe-0042"]) {
  measure("text", `${sample.length} characters`, text, sample);
  line(
    "text (runtime)",
    `${sample.length} characters`,
    () => encoder.encode(sample),
    (bytes) => decoder.decode(bytes),
  );
}
measure("integer", "number", integer, 123_456);
measure("int64", "bigint", int64, 123_456n);
measure("float64", "number", float64, 1.5);
for (const [name, sample] of [
  ["payment", payment],
  ["order", order],
  ["100 orders", orders],
] as const) {
  if (name === "100 orders" && count > 10_000) continue;
  measure("json", name, json<unknown>(), sample);
  line(
    "json (runtime)",
    name,
    () => encoder.encode(JSON.stringify(sample)),
    (bytes) => JSON.parse(decoder.decode(bytes)),
  );
}
for (const [name, sample] of [
  ["number", 123_456],
  ["string", "hello world"],
  ["aggregate", aggregate],
  ["payment", payment],
  ["order", order],
] as const)
  measure("self-describing", name, selfDescribing, sample);
for (const [name, sample] of [
  ["string", "acc-0042"],
  ["number", 123_456],
  ["timestamp", 1700000000123],
  ["bigint", 123_456n],
  ["object", { region: "eu", shop: 12 }],
] as const) {
  measure("canonical key", name, canonicalKey, sample);
  line("primitive key", name, () => {
    kept.value = primitiveKey(sample);
    return "";
  });
}
measure("typed key", "bigint", typedKey, 123_456n);
measure("windowed", "text", windowed(text), { key: "acc-0042", window: { start: 1700000000000, end: 1700000060000 } });
measure("avro", "payment", avro(schema), payment);
const framed = avro(schema, { registry });
await framed.open?.("t", "value", "write");
measure("avro with registry", "payment", framed, payment);
const framedOlder = avro(older, { registry });
await framedOlder.open?.("t", "value", "write");
const olderBytes = framedOlder.serialize({ ...payment, gone: "x" }, "t");
line(
  "avro with registry, resolved",
  "payment",
  () => "",
  () => framed.deserialize(olderBytes, "t"),
);
