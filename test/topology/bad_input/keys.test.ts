import { describe, expect, it } from "@jest/globals";
import { deadLetter, type ErrorPolicy, fail, skip } from "../../../core/error_policy.ts";
import { partitionForKey } from "../../../core/partitioner.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import type { Stream } from "../../../topology/stream.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { BadInput, counted, utf8 } from "./outcome.ts";

const words = topic("words", { key: text, value: text });
const counts = topic("counts", { key: text, value: integer });

const byOwnKey = topology("by-own-key", ({ from }) => {
  from(words, { onError: skip() }).keyBy().count("count").to(counts);
});

/** Keys by the partition of three that they belong to. */
const keyIn = (partition: number, nth = 0): Uint8Array => {
  for (let n = 0, found = 0; ; n++) {
    const key = utf8(`key-${n}`);
    if (partitionForKey(key, 3) === partition && found++ === nth) return key;
  }
};

const open = () => BadInput.open({ words: 3, counts: 1, parked: 1 });

describe("a record without a key", () => {
  const cases: readonly (readonly [what: string, count: (stream: Stream<string, string | null>) => void])[] = [
    ["at a step that needs one", (stream) => stream.keyBy().count("count").to(counts)],
    [
      "on its way to a shuffle by a key that its value does not have",
      (stream) =>
        stream
          .keyBy((word) => (word === "none" ? null : word))
          .count("count")
          .to(counts),
    ],
  ];
  for (const [what, count] of cases)
    it(`${what} is dropped, counted, and said once`, async () => {
      const world = await open();
      const at = { partition: 0 };
      await world.write(
        "words",
        { key: keyIn(0), value: utf8("a"), ...at },
        { value: utf8("none"), ...at },
        { value: utf8("none"), ...at },
        { key: keyIn(0), value: utf8("a"), ...at },
      );
      const app = await world.run(topology("counting", ({ from }) => count(from(words))));
      expect((await world.texts("counts")).length).toBe(2);
      expect(counted(app, "dropped_null_key")).toBe(2);
      expect(world.cluster.warnings).toEqual([
        expect.stringMatching(/^Step '[^']+' drops records without a key: the counter dropped_null_key says how many/),
      ]);
      await world.close();
      expect(await world.position("counting", "words", 0)).toBe(4);
    });

  it("is another thing than one whose key is empty", async () => {
    const world = await open();
    const empty = new Uint8Array(0);
    await world.write("words", { key: empty, value: utf8("a"), partition: partitionForKey(empty, 3) }, { value: utf8("b") });
    const app = await world.run(byOwnKey);
    expect((await world.texts("counts")).map(({ key }) => key)).toEqual([""]);
    expect(counted(app, "dropped_null_key")).toBe(1);
    await world.close();
  });
});

describe("a key that equals nothing", () => {
  const byNumber = (onError: ErrorPolicy) =>
    topology("numbers", ({ from }) => {
      from(words)
        .keyBy((word) => Number(word))
        .with({ onError })
        .count("count")
        .toStream()
        .rewrite((n, { key }) => ({ key: String(key), value: n ?? 0 }))
        .to(counts);
    });
  const bad = [{ value: utf8("1") }, { value: utf8("none") }, { value: utf8("1") }];

  it("(NaN) stops the instance, which names it, and the record stays where it is", async () => {
    const world = await open();
    await world.write("words", ...bad);
    const error = await world.failure(byNumber(fail()));
    expect(error).toMatchObject({ name: "ProduceError", code: "ENCODE_FAILED", topic: "numbers-count-repartition" });
    expect(error.message).toMatch(/NaN/);
    expect((await world.position("numbers", "words")) ?? 0).toBeLessThanOrEqual(1);
    await world.run(byNumber(skip()));
    expect((await world.cluster.read(counts)).map(({ key, value }) => `${key}=${value}`)).toEqual(["1=1", "1=2"]);
    await world.close();
  });

  it("(NaN) is left out when the policy says so, and its neighbours are counted", async () => {
    const world = await open();
    await world.write("words", ...bad);
    const app = await world.run(byNumber(skip()));
    expect((await world.cluster.read(counts)).map(({ key, value }) => `${key}=${value}`)).toEqual(["1=1", "1=2"]);
    expect(counted(app, "skipped_records")).toBe(1);
    await world.close();
  });

  it("(-0) is the zero that it equals", async () => {
    const world = await open();
    await world.write("words", { value: utf8("0") }, { value: utf8("-0") });
    await world.run(byNumber(fail()));
    expect((await world.cluster.read(counts)).map(({ key, value }) => `${key}=${value}`)).toEqual(["0=1", "0=2"]);
    await world.close();
  });
});

describe("keys that lie in other partitions than their bytes say", () => {
  it("are refused where steps rely on the topic's own partitions, without showing the key", async () => {
    const world = await open();
    await world.write("words", { key: keyIn(1), value: utf8("a"), partition: 1 }, { key: keyIn(2), value: utf8("a"), partition: 1 });
    const error = await world.failure(byOwnKey);
    expect(error).toMatchObject({ name: "ConfigurationError", code: "KEY_MISPLACED", topic: "words", partition: 1, step: "from-words" });
    expect(error.message).toMatch(
      /^Partition 1 of topic 'words' holds a key \(#[0-9a-f]{8}\) that belongs to partition 2 of 3 by Kafka's default partitioner: .*\.repartition\(name\)\.keyBy\(\)$/,
    );
    expect(error.message).not.toContain("key-");
    expect((await world.position("by-own-key", "words", 1)) ?? 0).toBe(0);
    expect(await world.texts("counts")).toEqual([]);
  });

  it("are no matter of a policy: a worker that is replaced would only find them again", async () => {
    const world = await open();
    await world.write("words", { key: keyIn(2), value: utf8("a"), partition: 1 });
    expect(await world.failure(byOwnKey, { onUncaught: "replace-worker" })).toMatchObject({ code: "KEY_MISPLACED" });
  });

  it("are found in a sample when the first ones lie where they belong", async () => {
    const world = await open();
    const well = Array.from({ length: 3000 }, (_, n) => ({ key: keyIn(0, n % 20), value: utf8("a"), partition: 0 }));
    await world.write("words", ...well);
    const app = await world.run(byOwnKey);
    expect(counted(app, "records_in")).toBe(3000);
    await world.write("words", ...well.slice(0, 1100).map((record) => ({ ...record, key: keyIn(1) })));
    expect(await world.failureOf(app)).toMatchObject({ code: "KEY_MISPLACED", partition: 0 });
    expect(await world.position("by-own-key", "words", 0)).toBeLessThanOrEqual(3072);
  });

  it("do no harm behind a shuffle, nor where no step needs a key", async () => {
    const world = await open();
    await world.write("words", { key: keyIn(2), value: utf8("a"), partition: 1 }, { key: keyIn(2), value: utf8("a"), partition: 0 });
    await world.run(
      topology("shuffled", ({ from }) => {
        const input = from(words);
        input.repartition("again").keyBy().count("count").to(counts);
        input.to(topic("parked", { key: text, value: text }));
      }),
    );
    expect(await world.texts("counts")).toHaveLength(2);
    expect(await world.texts("parked")).toHaveLength(2);
    await world.close();
  });

  it("are found before a record is parked for another reason", async () => {
    const world = await open();
    await world.write("words", { key: keyIn(2), value: Uint8Array.of(0xff), partition: 1 });
    const parking = topology("parking", ({ from }) => {
      from(words, { onError: deadLetter("parked") })
        .keyBy()
        .count("count")
        .to(counts);
    });
    expect(await world.failure(parking)).toMatchObject({ code: "KEY_MISPLACED" });
    expect(await world.texts("parked")).toEqual([]);
  });
});
