import { describe, expect, it } from "@jest/globals";
import { deadLetter, type ErrorPolicy, fail, skip } from "../../../core/error_policy.ts";
import { json } from "../../../core/serde/json.ts";
import { text } from "../../../core/serde/text.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { BadInput, counted, utf8 } from "./outcome.ts";

interface Payment {
  readonly id: string;
  readonly at?: number;
}
const payments = topic("payments", { key: text, value: json<Payment>() });
const ids = topic("ids", { key: text, value: text });

const copying = (onError: ErrorPolicy, timestamp?: (payment: Payment) => number) =>
  topology("copying", ({ from }) => {
    from(payments, { onError, ...(timestamp === undefined ? {} : { timestamp }) })
      .map((payment) => payment.id)
      .to(ids);
  });

/** Good, bad, good: what becomes of the neighbours tells as much as what becomes of the record. */
const around = (bad: Uint8Array | null) => [{ value: utf8('{"id":"before"}') }, { value: bad }, { value: utf8('{"id":"after"}') }];

const open = () => BadInput.open({ payments: 1, ids: 1, parked: 1 });

describe("a record that cannot be read", () => {
  const bad: readonly (readonly [what: string, value: Uint8Array | null, code: string, message: RegExp])[] = [
    ["that is no JSON", utf8("{id"), "DECODE_FAILED", /Cannot read 3 bytes as JSON: it is not valid JSON/],
    ["that is no UTF-8", Uint8Array.of(0x22, 0xff, 0x22), "DECODE_FAILED", /they are not UTF-8/],
    ["with a field __proto__", utf8('{"id":"x","__proto__":{"admin":true}}'), "DECODE_FAILED", /field "__proto__" would change what other/],
    [
      "with a constructor that has a prototype",
      utf8('{"constructor":{"prototype":{"admin":true}}}'),
      "DECODE_FAILED",
      /would change what other objects inherit/,
    ],
    [
      "with an integer that a number cannot hold",
      utf8('{"id":9007199254740993}'),
      "DECODE_FAILED",
      /cannot hold the integer of 16 digits at character 6 exactly; let the producer write it as a string/,
    ],
    ["that is nested too deep", utf8("[".repeat(100_000) + "]".repeat(100_000)), "LIMIT_EXCEEDED", /nested deeper than 512 levels/],
    [
      "that another serde has written",
      Uint8Array.of(0, 0, 0, 0, 7, 2, 0x61),
      "DECODE_FAILED",
      /First byte 0x00 looks like a schema registry's frame, schema id 7/,
    ],
    ["without a value", null, "NULL_VALUE", /The record has no value: read the topic as a table, or make its serde nullable/],
  ];

  for (const [what, value, code, message] of bad) {
    it(`${what} stops the instance, which names it, and nothing behind it is counted as done`, async () => {
      const world = await open();
      await world.write("payments", ...around(value));
      const error = await world.failure(copying(fail()));
      expect(error).toMatchObject({ name: "DecodeError", code, where: "value", topic: "payments", partition: 0, offset: 1 });
      expect(error.message).toMatch(message);
      expect(error.message).toContain("(value of payments/0 at offset 1)");
      expect((await world.position("copying", "payments")) ?? 0).toBeLessThanOrEqual(1);
      expect((await world.texts("ids")).map((record) => record.value)).not.toContain("after");
      expect(({} as { admin?: boolean }).admin).toBeUndefined();
    });

    it(`${what} is left out when the policy says so, and counted`, async () => {
      const world = await open();
      await world.write("payments", ...around(value));
      const app = await world.run(copying(skip()));
      expect((await world.texts("ids")).map((record) => record.value)).toEqual(["before", "after"]);
      expect(counted(app, "skipped_records")).toBe(1);
      expect(world.cluster.warnings).toEqual([
        expect.stringMatching(/^A record was skipped .*"topic":"payments","partition":0,"offset":1/),
      ]);
      await world.close();
      expect(await world.position("copying", "payments")).toBe(3);
    });

    it(`${what} is parked as it came when the policy says so, with the cause in its headers`, async () => {
      const world = await open();
      await world.write("payments", ...around(value));
      const app = await world.run(copying(deadLetter("parked")));
      expect((await world.texts("ids")).map((record) => record.value)).toEqual(["before", "after"]);
      const [parked, ...more] = await world.texts("parked");
      expect(more).toEqual([]);
      expect(parked?.value).toBe(value === null ? null : new TextDecoder().decode(value));
      expect(parked?.headers).toEqual({
        "millrace.error.class": "DecodeError",
        "millrace.error.code": code,
        "millrace.error.message": expect.stringMatching(message),
        "millrace.error.step": "from-payments",
        "millrace.error.topic": "payments",
        "millrace.error.partition": "0",
        "millrace.error.offset": "1",
      });
      expect(counted(app, "dead_letter_records")).toBe(1);
      await world.close();
    });
  }

  it("that is longer than memory.recordBytes is not decoded, and the policy decides", async () => {
    const world = await open();
    const long = utf8(`{"id":"${"x".repeat(1_000)}"}`);
    await world.write("payments", ...around(long));
    const memory = { recordBytes: long.length - 1 };
    const error = await world.failure(copying(fail()), { memory });
    expect(error).toMatchObject({ name: "DecodeError", code: "LIMIT_EXCEEDED", topic: "payments", offset: 1 });
    expect(error.message).toMatch(
      `The record has ${long.length} bytes, more than memory.recordBytes (${long.length - 1}): have smaller ones written`,
    );
    const app = await world.run(copying(skip()), { memory });
    expect((await world.texts("ids")).map((record) => record.value)).toEqual(["before", "after"]);
    expect(counted(app, "skipped_records")).toBe(1);
    await world.close();
  });

  it("is read again after the program was mended, and nothing was lost", async () => {
    const world = await open();
    await world.write("payments", ...around(utf8("{id")));
    await world.failure(copying(fail()));
    await world.run(copying(skip()));
    expect((await world.texts("ids")).map((record) => record.value)).toEqual(["before", "after"]);
    await world.close();
  });

  it("with a key that cannot be read says that it is the key", async () => {
    const world = await open();
    await world.write("payments", { key: Uint8Array.of(0xff), value: utf8('{"id":"a"}') });
    const error = await world.failure(copying(fail()));
    expect(error).toMatchObject({ name: "DecodeError", code: "DECODE_FAILED", where: "key", offset: 0 });
    expect(error.message).toContain("(key of payments/0 at offset 0)");
  });

  it("does not show its content in an error message", async () => {
    const world = await open();
    await world.write("payments", { value: utf8('{"pin": 4711') });
    expect((await world.failure(copying(fail()))).message).not.toContain("4711");
  });
});

describe("a timestamp that cannot be used", () => {
  const bad: readonly (readonly [what: string, timestamp: number | "thrown", message: RegExp])[] = [
    ["-1", -1, /The record has no timestamp: give the source a timestamp function/],
    ["negative", -5000, /The timestamp is -5000: it has to be a whole number of milliseconds since 1970/],
    ["a fraction", 1.5, /The timestamp is 1.5: it has to be a whole number/],
    ["not a number", Number.NaN, /The timestamp is NaN: it has to be a whole number/],
    [
      "in microseconds",
      1_700_000_000_000_000,
      /The timestamp 1700000000000000 lies \d+ ms ahead of the clock, more than maxFuture \(3600000 ms\): it looks like microseconds, so divide it by 1000/,
    ],
    ["of a clock that is a day ahead", 1_700_086_500_000, /ahead of the clock, .*correct the producer's clock, or raise maxFuture/],
    ["thrown", "thrown", /The timestamp function threw: no such field/],
  ];

  for (const [what, timestamp, message] of bad) {
    const extract = (payment: Payment): number => {
      if (payment.id !== "bad") return 1_700_000_000_000;
      if (timestamp === "thrown") throw new Error("no such field");
      return timestamp;
    };
    const records = ["before", "bad", "after"].map((id) => ({ value: utf8(JSON.stringify({ id })) }));

    it(`(${what}) stops the instance with a DecodeError that says what to do`, async () => {
      const world = await open();
      await world.write("payments", ...records);
      const error = await world.failure(copying(fail(), extract));
      expect(error).toMatchObject({ name: "DecodeError", code: "BAD_TIMESTAMP", where: "timestamp", topic: "payments", offset: 1 });
      expect(error.message).toMatch(message);
      expect((await world.position("copying", "payments")) ?? 0).toBeLessThanOrEqual(1);
    });

    it(`(${what}) is a matter of the source's policy`, async () => {
      const world = await open();
      await world.write("payments", ...records);
      const app = await world.run(copying(skip(), extract));
      expect((await world.texts("ids")).map((record) => record.value)).toEqual(["before", "after"]);
      expect(counted(app, "skipped_records")).toBe(1);
      await world.close();
    });
  }

  it("is found in the records themselves where the source has no timestamp function", async () => {
    const world = await open();
    await world.write("payments", { value: utf8('{"id":"a"}'), timestamp: -1 }, { value: utf8('{"id":"b"}') });
    const error = await world.failure(copying(fail()));
    expect(error).toMatchObject({ name: "DecodeError", code: "BAD_TIMESTAMP", where: "timestamp", topic: "payments", offset: 0 });
    expect(error.message).toMatch(/^The record has no timestamp: give the source a timestamp function/);
    expect((await world.position("copying", "payments")) ?? 0).toBe(0);
    const app = await world.run(copying(skip()));
    expect((await world.texts("ids")).map((record) => record.value)).toEqual(["b"]);
    expect(counted(app, "skipped_records")).toBe(1);
    await world.close();
  });

  it("is parked with the clock's time, as no topic need take its own", async () => {
    const world = await open();
    await world.cluster.drive(
      world.cluster.log.admin.create([
        { topic: "strict", partitions: 1, replication: -1, config: { "message.timestamp.after.max.ms": "1000" } },
      ]),
    );
    await world.write("payments", { value: utf8('{"id":"a"}'), timestamp: 1_700_000_000_000_000 });
    await world.run(copying(deadLetter("strict")));
    expect(await world.texts("strict")).toHaveLength(1);
    await world.close();
  });

  for (const policy of [skip(), deadLetter("parked")])
    it(`in the future does not carry event time away, whatever the policy (${policy.kind})`, async () => {
      const world = await open();
      const app = await world.run(copying(policy, (payment) => payment.at ?? 0));
      await world.write("payments", { value: utf8('{"id":"a","at":1700000001000}') }, { value: utf8('{"id":"b","at":99999999999999}') });
      await world.cluster.clock.advance(2000);
      const watermarks = [...app.metrics()].filter(({ name }) => name === "watermark").map(({ value }) => value);
      expect(watermarks).toEqual([1_700_000_000_999]);
      expect([counted(app, "skipped_records"), counted(app, "dead_letter_records")]).toEqual(policy.kind === "skip" ? [1, 0] : [0, 1]);
      await world.close();
    });

  it("in the future is taken in a bounded run, which has no clock to compare it with", async () => {
    const world = await open();
    await world.write("payments", { value: utf8('{"id":"a","at":4102444800000}') });
    await world.cluster.start(
      copying(fail(), (payment) => payment.at ?? 0),
      { mode: "batch" },
    );
    await world.cluster.finished();
    expect(await world.texts("ids")).toHaveLength(1);
  });
});
