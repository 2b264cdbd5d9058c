import { describe, expect, it } from "@jest/globals";
import * as E from "fp-ts/lib/Either.js";
import { deadLetter, type ErrorPolicy, fail, retry, skip } from "../../../core/error_policy.ts";
import type { Serde } from "../../../core/serde/serde.ts";
import { text } from "../../../core/serde/text.ts";
import { valueState } from "../../../core/state/descriptors.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { BadInput, counted, utf8 } from "./outcome.ts";

const words = topic("words", { key: text, value: text });
const out = topic("out", { key: text, value: text });

/** Topics whose output takes records of at most a thousand bytes, or whatever else is said. */
const open = async (config: Readonly<Record<string, string>> = { "max.message.bytes": "1000" }) => {
  const world = await BadInput.open({ words: 1, parked: 1 });
  await world.cluster.create("out", 2, config);
  return world;
};

const copying = (onError: ErrorPolicy, value: Serde<string> = text) =>
  topology("copying", ({ from }) => {
    from(words).to(topic("out", { key: text, value }), { onError });
  });

const say = (world: BadInput, ...values: readonly string[]) =>
  world.write("words", ...values.map((value) => ({ key: utf8("k"), value: utf8(value) })));
const written = async (world: BadInput) => (await world.texts("out")).map(({ value }) => value?.slice(0, 6));

describe("a record that is too large for the topic it goes to", () => {
  const large = "x".repeat(2000);

  it("stops the instance with its size and the topic's limit, before anything of it is written", async () => {
    const world = await open();
    await say(world, "before", large, "after");
    const error = await world.failure(copying(fail()));
    expect(error).toMatchObject({ name: "ProduceError", code: "RECORD_REFUSED", step: "to-out", topic: "out" });
    expect(error.message).toBe(
      "A record of 2071 bytes (key 1, value 2000) is too large for topic 'out', which takes 1000: raise its max.message.bytes, or write smaller records",
    );
    expect((await world.position("copying", "words")) ?? 0).toBeLessThanOrEqual(1);
    expect(await written(world)).not.toContain("after");
  });

  it("is left out when the policy of production says so, and counted", async () => {
    const world = await open();
    await say(world, "before", large, "after");
    const app = await world.run(copying(skip()));
    expect(await written(world)).toEqual(["before", "after"]);
    expect(counted(app, "skipped_records")).toBe(1);
    await world.close();
    expect(await world.position("copying", "words")).toBe(3);
  });

  it("goes to a dead-letter topic that takes it, as it came in", async () => {
    const world = await open();
    await say(world, "before", large, "after");
    await world.run(copying(deadLetter("parked")));
    expect(await written(world)).toEqual(["before", "after"]);
    const [parked] = await world.texts("parked");
    expect(parked).toMatchObject({ value: large, headers: { "millrace.error.code": "RECORD_REFUSED", "millrace.error.step": "to-out" } });
    await world.close();
  });

  it("is tried again first where the policy says so", async () => {
    const world = await open();
    await say(world, "before", large, "after");
    const app = await world.run(copying(retry({ attempts: 2, then: skip() })));
    expect(await written(world)).toEqual(["before", "after"]);
    expect(counted(app, "retried_records")).toBe(2);
    await world.close();
  });

  it("stops the instance when its dead-letter topic does not take it either, and says how to leave the value out", async () => {
    const world = await open();
    await world.cluster.create("narrow", 1, { "max.message.bytes": "900" });
    await say(world, large);
    const error = await world.failure(copying(deadLetter("narrow")));
    expect(error).toMatchObject({ name: "ProduceError", code: "RECORD_REFUSED", topic: "words", partition: 0, offset: 0 });
    expect(error.message).toMatch(
      /dead-letter topic, deadLetter\(topic, \{ payload: false \}\) would leave its value out\. A record of \d+ bytes/,
    );
    const app = await world.run(copying(deadLetter("narrow", { payload: false })));
    expect(counted(app, "dead_letter_records")).toBe(1);
    expect(await world.texts("narrow")).toMatchObject([{ key: "k", value: null }]);
    await world.close();
  });

  it("is measured with its headers", async () => {
    const world = await open();
    await say(world, "a");
    const decorated = topology("decorated", ({ from }) => {
      from(words)
        .rewrite((value, { key }) => ({ key, value, headers: { trace: "y".repeat(1000) } }))
        .to(out);
    });
    expect(await world.failure(decorated)).toMatchObject({ code: "RECORD_REFUSED", topic: "out" });
  });

  it("goes through up to the last byte that the topic takes", async () => {
    // A batch's header has 61 bytes, and a record of this size needs nine around its key and value.
    for (const [size, fits] of [
      [929, true],
      [930, false],
    ] as const) {
      const world = await open();
      await say(world, "z".repeat(size));
      const app = await world.run(copying(skip()));
      expect([size, counted(app, "skipped_records")]).toEqual([size, fits ? 0 : 1]);
      expect((await world.texts("out")).length).toBe(fits ? 1 : 0);
      await world.close();
    }
  });

  it("is a matter of policy on its way to a shuffle too", async () => {
    const world = await open();
    const shuffling = topology("shuffling", ({ from }) => {
      from(words)
        .map((word) => word)
        .with({ onError: skip() })
        .keyBy((word) => word[0])
        .count("n");
    });
    const limited = topology(
      "shuffling",
      ({ from }) => {
        from(words)
          .keyBy((word) => word[0])
          .count("n");
      },
      { onError: skip() },
    );
    await world.cluster.create("shuffling-n-repartition", 1, {
      "message.timestamp.after.max.ms": "9223372036854775807",
      "max.message.bytes": "500",
    });
    await say(world, "before", large, "after");
    expect(await world.failure(shuffling)).toMatchObject({ code: "RECORD_REFUSED", topic: "shuffling-n-repartition" });
    const app = await world.run(limited);
    expect(counted(app, "skipped_records")).toBe(1);
    await world.close();
  });
});

describe("a record that its topic does not take for another reason", () => {
  it("(no key, and the topic is compacted) is refused where the policy can decide", async () => {
    const world = await open({ "cleanup.policy": "compact" });
    await world.write("words", { value: utf8("a") }, { key: utf8("k"), value: utf8("b") });
    const error = await world.failure(copying(fail()));
    expect(error).toMatchObject({ name: "ProduceError", code: "RECORD_REFUSED", topic: "out" });
    expect(error.message).toBe("Topic 'out' is compacted and takes no record without a key: give it one, or set cleanup.policy=delete");
    await world.run(copying(skip()));
    expect(await written(world)).toEqual(["b"]);
    await world.close();
  });

  it("(its timestamp is too far ahead) is refused where the policy can decide", async () => {
    const world = await open({ "message.timestamp.after.max.ms": "60000" });
    const ahead = world.cluster.clock.now() + 600_000;
    await world.write("words", { value: utf8("a"), timestamp: ahead }, { value: utf8("b") });
    const error = await world.failure(copying(fail()));
    expect(error).toMatchObject({ code: "RECORD_REFUSED" });
    expect(error.message).toMatch(
      /^Timestamp \d+ lies \d+ ms ahead of the clock, and topic 'out' takes 60000: raise its message\.timestamp\.after/,
    );
    await world.run(copying(skip()));
    expect(await written(world)).toEqual(["b"]);
    // By and by the clock comes to where the record was refused.
    await world.cluster.clock.advance(600_000);
    await world.write("words", { value: utf8("c"), timestamp: ahead });
    await world.cluster.clock.advance(1000);
    expect(await written(world)).toEqual(["b", "c"]);
    await world.close();
  });

  it("(its timestamp is too old) is refused where the policy can decide", async () => {
    const world = await open({ "message.timestamp.before.max.ms": "60000" });
    await world.write("words", { value: utf8("a"), timestamp: 1 }, { value: utf8("b") });
    const error = await world.failure(copying(fail()));
    expect(error.message).toMatch(/^Timestamp 1 lies \d+ ms behind the clock, and topic 'out' takes 60000/);
    await world.run(copying(skip()));
    expect(await written(world)).toEqual(["b"]);
    await world.close();
  });

  it("(a partition that does not exist) is refused with the partitions that there are", async () => {
    const chosen = (partition: number, onError: ErrorPolicy) =>
      topology("chosen", ({ from }) => {
        from(words).to(out, { onError, partition: (word) => (word === "bad" ? partition : 1) });
      });
    for (const partition of [2, -1, 0.5, Number.NaN]) {
      const world = await open();
      await say(world, "before", "bad", "after");
      const error = await world.failure(chosen(partition, fail()));
      expect(error).toMatchObject({ name: "ProduceError", code: "RECORD_REFUSED", step: "to-out" });
      expect(error.message).toBe(`The partition function of step 'to-out' gave ${partition}: topic 'out' has partitions 0 to 1`);
      await world.run(chosen(partition, skip()));
      expect(await written(world)).toEqual(["before", "after"]);
      await world.close();
    }
  });
});

describe("a serde that does not give bytes", () => {
  const giving = (given: unknown): Serde<string> => ({
    serialize: (value) => {
      if (value !== "bad") return utf8(value);
      if (given instanceof Error) throw given;
      return given as Uint8Array;
    },
    deserialize: (bytes) => E.right(new TextDecoder().decode(bytes)),
  });
  const cases: readonly (readonly [what: string, given: unknown, message: string])[] = [
    ["undefined", undefined, "The serde of topic 'out' gave undefined for the value: serialize has to return a Uint8Array"],
    ["null", null, "The serde of topic 'out' gave null for the value: serialize has to return a Uint8Array"],
    ["a text", "bytes", "The serde of topic 'out' gave string for the value: serialize has to return a Uint8Array"],
    ["an array", [1, 2], "The serde of topic 'out' gave Array for the value: serialize has to return a Uint8Array"],
    ["an error", new Error("no room"), "Cannot write the value for topic 'out': no room"],
  ];
  for (const [what, given, message] of cases)
    it(`but ${what} is named, and the record's policy decides`, async () => {
      const world = await open();
      await say(world, "before", "bad", "after");
      const error = await world.failure(copying(fail(), giving(given)));
      expect(error).toMatchObject({ name: "ProduceError", code: "ENCODE_FAILED", step: "to-out", topic: "out" });
      expect(error.message).toBe(message);
      expect((await world.position("copying", "words")) ?? 0).toBeLessThanOrEqual(1);
      const app = await world.run(copying(deadLetter("parked"), giving(given)));
      expect(await written(world)).toEqual(["before", "after"]);
      expect(await world.texts("parked")).toMatchObject([{ value: "bad", headers: { "millrace.error.class": "ProduceError" } }]);
      expect(counted(app, "dead_letter_records")).toBe(1);
      await world.close();
    });
});

describe("state that is too large for its changelog", () => {
  it("stops the instance and says which store, without showing key or value", async () => {
    const world = await BadInput.open({ words: 1 });
    await world.cluster.create("hoarding-all-changelog", 1, {
      "cleanup.policy": "compact",
      "message.timestamp.after.max.ms": "9223372036854775807",
      "max.message.bytes": "1000",
    });
    const hoarding = topology("hoarding", ({ from }) => {
      from(words)
        .keyBy()
        .process("all", {
          state: { all: valueState<string>() },
          onRecord: (word, { state }) => {
            state.all.set((state.all.get() ?? "") + word);
          },
        });
    });
    await world.run(hoarding);
    await say(world, ..."abcdefghij".split("").map((letter) => letter.repeat(90)));
    await world.cluster.clock.advance(1000);
    expect(await world.position("hoarding", "words")).toBe(10);
    await say(world, "secret".repeat(20));
    const [app] = world.cluster.apps;
    const error = await world.failureOf(app!);
    expect(error).toMatchObject({ name: "StoreError", code: "STATE_TOO_LARGE", step: "all" });
    expect(error.message).toMatch(
      /^An entry of store 'all' has \d+ bytes \(key #[0-9a-f]{8}\), and its changelog takes 1000: keep less under one key/,
    );
    expect(error.message).not.toContain("secret");
    expect(await world.position("hoarding", "words")).toBe(10);
  });
});
