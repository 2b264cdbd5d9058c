import { describe, expect, it } from "@jest/globals";
import { seconds } from "../../../core/duration.ts";
import { deadLetter, type ErrorPolicy, fail, skip } from "../../../core/error_policy.ts";
import { MillraceError } from "../../../core/errors.ts";
import { partitionForKey } from "../../../core/partitioner.ts";
import type { Serde } from "../../../core/serde/serde.ts";
import { text } from "../../../core/serde/text.ts";
import { avro } from "../../../node/serde/avro.ts";
import type { RegisteredSchema, SchemaRegistry } from "../../../node/serde/schema_registry.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { BadInput, counted, utf8 } from "../../topology/bad_input/outcome.ts";

const schema = {
  type: "record",
  name: "Payment",
  fields: [
    { name: "id", type: "string" },
    { name: "amount", type: "long" },
  ],
} as const;
interface Payment {
  readonly id: string;
  readonly amount: number;
}

/** A registry that is asked on the test's own time, and can be away. */
class TestRegistry implements SchemaRegistry {
  readonly name = "http://registry.example";
  readonly cacheSize = 100;
  readonly schemas = new Map<number, string>([[1, JSON.stringify(schema)]]);
  readonly asked: number[] = [];
  away = false;
  readonly #known = new Map<number, RegisteredSchema | "unknown">();

  known(id: number): RegisteredSchema | "unknown" | undefined {
    return this.#known.get(id);
  }

  async fetch(id: number): Promise<void> {
    this.asked.push(id);
    if (this.away) throw new MillraceError("REGISTRY_UNREACHABLE", `Cannot reach the schema registry ${this.name}: connection refused`);
    const found = this.schemas.get(id);
    this.#known.set(id, found === undefined ? "unknown" : { type: "AVRO", text: found, references: [] });
  }

  async idOf(): Promise<number> {
    if (this.away) throw new MillraceError("REGISTRY_UNREACHABLE", `Cannot reach the schema registry ${this.name}: connection refused`);
    return 1;
  }
}

const copying = (value: Serde<Payment>, onError: ErrorPolicy) =>
  topology("copying", ({ from }) => {
    from(topic("payments", { key: text, value }), { onError })
      .map((payment) => payment.id)
      .to(topic("ids", { key: text, value: text }));
  });

const open = () => BadInput.open({ payments: 1, ids: 1, parked: 1 });
const ids = async (world: BadInput) => (await world.texts("ids")).map(({ value }) => value);

const plain = avro(schema);
const plainBytes = (id: string, amount = 1): Uint8Array => plain.serialize({ id, amount }, "payments");
const framed = (schemaId: number, payload: Uint8Array): Uint8Array => Uint8Array.of(0, 0, 0, schemaId >> 8, schemaId & 255, ...payload);

describe("Avro that cannot be read", () => {
  const withRegistry = (registry = new TestRegistry()): Serde<Payment> => avro(schema, { registry });
  const incompatible = new TestRegistry();
  incompatible.schemas.set(7, JSON.stringify({ ...schema, fields: [{ name: "id", type: { type: "array", items: "int" } }] }));

  const cases: readonly (readonly [
    what: string,
    serde: Serde<Payment>,
    good: (id: string) => Uint8Array,
    bad: Uint8Array,
    code: string,
    message: RegExp,
  ])[] = [
    [
      "that ends too early",
      plain,
      plainBytes,
      plainBytes("abcdef").subarray(0, 4),
      "DECODE_FAILED",
      /Cannot read 4 bytes as Avro 'Payment'/,
    ],
    ["that goes on behind its end", plain, plainBytes, Uint8Array.of(...plainBytes("a"), 1, 2), "DECODE_FAILED", /Avro 'Payment'/],
    ["that is JSON", plain, plainBytes, utf8('{"id":"a","amount":1}'), "DECODE_FAILED", /First byte 0x7b looks like JSON/],
    ["that is empty", plain, plainBytes, new Uint8Array(0), "DECODE_FAILED", /There are no bytes at all/],
    [
      "with a long that a number cannot hold",
      plain,
      plainBytes,
      Uint8Array.of(2, 0x61, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
      "DECODE_FAILED",
      /a long in it is beyond 2\^53, which a number cannot hold exactly/,
    ],
    [
      "without the registry's frame",
      withRegistry(),
      (id) => framed(1, plainBytes(id)),
      plainBytes("a"),
      "DECODE_FAILED",
      /they do not begin with a zero and a schema id/,
    ],
    [
      "that is JSON where a frame belongs",
      withRegistry(),
      (id) => framed(1, plainBytes(id)),
      utf8('{"id":"a"}'),
      "DECODE_FAILED",
      /they do not begin with a zero and a schema id\. First byte 0x7b looks like JSON/,
    ],
    [
      "that ends within the frame",
      withRegistry(),
      (id) => framed(1, plainBytes(id)),
      Uint8Array.of(0, 0, 0),
      "DECODE_FAILED",
      /Cannot read 3 bytes as Avro 'Payment'/,
    ],
    [
      "with a schema id that the registry does not have",
      withRegistry(),
      (id) => framed(1, plainBytes(id)),
      framed(99, plainBytes("a")),
      "SCHEMA_UNKNOWN",
      /schema id 99: http:\/\/registry\.example does not have it/,
    ],
    [
      "whose writer had a schema that does not go with ours",
      withRegistry(incompatible),
      (id) => framed(1, plainBytes(id)),
      framed(7, Uint8Array.of(0)),
      "SCHEMA_INCOMPATIBLE",
      /fingerprint [0-9a-f]{32}.*fingerprint [0-9a-f]{32}/,
    ],
  ];
  for (const [what, serde, good, bad, code, message] of cases) {
    it(`${what} stops the instance, and the record stays where it is`, async () => {
      const world = await open();
      await world.write("payments", { value: good("before") }, { value: bad }, { value: good("after") });
      const error = await world.failure(copying(serde, fail()));
      expect(error).toMatchObject({ name: "DecodeError", code, topic: "payments", partition: 0, offset: 1, step: "from-payments" });
      expect(error.message).toMatch(message);
      expect((await world.position("copying", "payments")) ?? 0).toBeLessThanOrEqual(1);
      expect(await ids(world)).not.toContain("after");
    });

    it(`${what} is left out or parked, as the policy says`, async () => {
      for (const policy of [skip(), deadLetter("parked")]) {
        const world = await open();
        await world.write("payments", { value: good("before") }, { value: bad }, { value: good("after") });
        const app = await world.run(copying(serde, policy));
        expect(await ids(world)).toEqual(["before", "after"]);
        expect([counted(app, "skipped_records"), counted(app, "dead_letter_records")]).toEqual(policy.kind === "skip" ? [1, 0] : [0, 1]);
        expect((await world.texts("parked")).map(({ headers }) => headers["millrace.error.code"])).toEqual(
          policy.kind === "skip" ? [] : [code],
        );
        await world.close();
      }
    });
  }

  it("with an unknown id asks the registry once, however many such records come", async () => {
    const registry = new TestRegistry();
    const world = await open();
    await world.write("payments", ...Array.from({ length: 50 }, () => ({ value: framed(99, plainBytes("a")) })));
    const app = await world.run(copying(avro(schema, { registry }), skip()));
    expect(counted(app, "skipped_records")).toBe(50);
    expect(registry.asked).toEqual([99]);
    await world.close();
  });
});

describe("a schema registry that is away", () => {
  it("is waited for, whatever the policy says of bad records: none is lost for it, and other partitions go on", async () => {
    const world = await BadInput.open({ payments: 2, ids: 1 });
    const registry = new TestRegistry();
    const inPartition = (partition: number): Uint8Array => {
      for (let n = 0; ; n++) if (partitionForKey(utf8(`k${n}`), 2) === partition) return utf8(`k${n}`);
    };
    const write = (partition: number, schemaId: number, id: string) =>
      world.write("payments", { partition, key: inPartition(partition), value: framed(schemaId, plainBytes(id)) });
    registry.schemas.set(2, JSON.stringify(schema));
    await write(0, 1, "a");
    const app = await world.run(copying(avro(schema, { registry }), skip()));
    registry.away = true;
    await write(0, 2, "b");
    await write(0, 1, "c");
    await write(1, 1, "d");
    await world.cluster.clock.advance(60_000);
    expect((await ids(world)).sort()).toEqual(["a", "d"]);
    expect(await world.position("copying", "payments", 0)).toBe(1);
    expect(app.state).toBe("running");
    expect(world.cluster.warnings).toEqual([expect.stringMatching(/^A record waits for what is needed to read it.*connection refused/)]);
    registry.away = false;
    await world.cluster.clock.advance(5000);
    expect((await ids(world)).sort()).toEqual(["a", "b", "c", "d"]);
    expect(counted(app, "skipped_records")).toBe(0);
    await world.close();
  });

  it("for longer than taskTimeout stops the instance, which says which record waits for it", async () => {
    const world = await open();
    const registry = new TestRegistry();
    registry.away = true;
    await world.write("payments", { value: framed(1, plainBytes("a")) });
    const error = await world.failure(copying(avro(schema, { registry }), skip()), { taskTimeout: seconds(20) });
    expect(error).toMatchObject({ name: "TaskTimeoutError", code: "REGISTRY_UNREACHABLE", topic: "payments", partition: 0, offset: 0 });
    expect(error.message).toBe(
      "What is needed to read payments/0 at offset 0 could not be fetched for 20000 ms: check the schema registry",
    );
    expect((await world.position("copying", "payments")) ?? 0).toBe(0);
    registry.away = false;
    await world.run(copying(avro(schema, { registry }), skip()));
    expect(await ids(world)).toEqual(["a"]);
    await world.close();
  });

  it("when a program starts that writes is refused at once, with its address and the topic", async () => {
    const world = await open();
    const registry = new TestRegistry();
    registry.away = true;
    const writing = topology("writing", ({ from }) => {
      from(topic("ids", { key: text, value: text }))
        .map((id) => ({ id, amount: 1 }))
        .to(topic("payments", { key: text, value: avro(schema, { registry }) }));
    });
    const error = await world.refusal(writing);
    expect(error).toMatchObject({ name: "ConfigurationError", code: "REGISTRY_UNREACHABLE", topic: "payments" });
    expect(error.message).toBe(
      "Cannot reach the schema registry http://registry.example: connection refused. Step 'to-payments' needs it for topic 'payments': check its address and that it runs",
    );
  });
});
