import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { minutes } from "../../../core/duration.ts";
import { json } from "../../../core/serde/json.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { windowed } from "../../../core/serde/windowed.ts";
import { onUpdate } from "../../../core/window/revision.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import { harness } from "../../../topology/testing/harness.ts";
import { input } from "../../../topology/testing/input.ts";
import { matchers } from "../../../topology/testing/matchers.ts";
import { inAnyOrder, inOrder } from "../../../topology/testing/side_by_side.ts";
import { testDriver } from "../../../topology/testing/test_driver.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";

expect.extend(matchers);

const words = topic("words", { key: text, value: text });
const counts = topic("counts", { key: text, value: integer });
const counting = topology("counting", ({ from }) => {
  from(words)
    .keyBy((word) => word)
    .count("count")
    .to(counts);
});

/** An output topic that holds what these words come to, at 1, 2, 3 ... */
const counted = (...said: readonly string[]) => {
  const driver = testDriver(counting);
  const into = driver.createInputTopic(words);
  said.forEach((word, i) => void into.pipeInput(word, { timestamp: i + 1, headers: { from: "me" } }));
  return driver.createOutputTopic(counts);
};

const failure = (assertion: () => void): string => {
  try {
    assertion();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("The assertion holds although it should fail");
};

describe("toHaveRecords", () => {
  it("holds for exactly these records in their order, of which only what is named is compared", () => {
    expect(counted("to", "be", "to")).toHaveRecords([{ key: "to", value: 1, timestamp: 1 }, { value: 1 }, { key: "to", value: 2 }]);
    expect(counted("to", "be", "to")).toHaveRecords([{}, { timestamp: expect.any(Number) }, { headers: { from: "me" } }]);
    expect(counted()).toHaveRecords([]);
    expect(counted("to")).not.toHaveRecords([]);
    expect(counted("to", "be")).not.toHaveRecords([{ key: "be" }, { key: "to" }]);
    expect(counted("to", "be")).toHaveRecords([{ key: "be" }, { key: "to" }], { order: "any" });
    expect(counted("to", "be")).not.toHaveRecords([{ key: "be" }, { key: "be" }], { order: "any" });
  });

  it("reads what nobody has read yet of an output topic", () => {
    const output = counted("to", "be");
    expect(output.readRecord().key).toBe("to");
    expect(output).toHaveRecords([{ key: "be" }]);
    expect(output).toHaveRecords([]);
  });

  it("says which records are missing and which have come instead", () => {
    expect(
      failure(() =>
        expect(counted("to", "be", "to", "or")).toHaveRecords([{ key: "to", value: 1 }, { key: "be", value: 2 }, { key: "or" }]),
      ),
    ).toBe(
      [
        "Other records have come than were expected, in this order (- expected, + received):",
        "",
        `  key "to", value 1, timestamp 1, headers { from: "me" }`,
        `- key "be", value 2`,
        `+ key "be", value 1, timestamp 2, headers { from: "me" }`,
        `+ key "to", value 2, timestamp 3, headers { from: "me" }`,
        `  key "or", value 1, timestamp 4, headers { from: "me" }`,
      ].join("\n"),
    );
    expect(
      failure(() => expect(counted("to", "be")).toHaveRecords([{ key: "be" }, { key: expect.stringMatching(/^x/) }], { order: "any" })),
    ).toBe(
      [
        "Other records have come than were expected, in any order (- expected, + received):",
        "",
        `+ key "to", value 1, timestamp 1, headers { from: "me" }`,
        `  key "be", value 1, timestamp 2, headers { from: "me" }`,
        "- key StringMatching /^x/",
      ].join("\n"),
    );
    expect(failure(() => expect([]).not.toHaveRecords([]))).toBe(
      "Exactly these records have come, in this order, and were not to:\n\n  (no record)",
    );
  });

  it("refuses what is no list of records, also where it is negated", () => {
    for (const wrong of [5, null, undefined, ["a"], { value: 1 }, counting])
      expect(failure(() => expect(wrong).not.toHaveRecords([]))).toContain(
        "give an output topic of testDriver(...), or the records that were read",
      );
  });
});

describe("toHaveRecord", () => {
  it("holds when such a record is among them", () => {
    expect(counted("to", "be", "to")).toHaveRecord({ key: "to", value: 2 });
    expect(counted("to", "be", "to")).not.toHaveRecord({ key: "be", value: 2 });
    expect(counted("to", "be", "to").readRecords()).toHaveRecord({ timestamp: 3 });
  });

  it("shows what has come instead, or what should not have", () => {
    expect(failure(() => expect(counted("to", "be")).toHaveRecord({ key: "or", headers: { from: null } }))).toBe(
      [
        "No such record has come (- expected, + received):",
        "",
        `- key "or", headers { from: null }`,
        `+ key "to", value 1, timestamp 1, headers { from: "me" }`,
        `+ key "be", value 1, timestamp 2, headers { from: "me" }`,
      ].join("\n"),
    );
    expect(failure(() => expect(counted("to", "be")).not.toHaveRecord({ key: "be" }))).toBe(
      `This has come, and was not to:\n\n  key "be", value 1, timestamp 2, headers { from: "me" }`,
    );
  });
});

describe("records of windows", () => {
  it("are known by their key and the bounds of their window", () => {
    const perMinute = topic("per-minute", { key: windowed(text), value: integer });
    const driver = testDriver(
      topology("windows", ({ from }) => {
        from(words)
          .keyBy()
          .window(tumbling({ size: minutes(1) }), { emit: onUpdate() })
          .count("count")
          .to(perMinute);
      }),
    );
    const into = driver.createInputTopic(words);
    into.pipeInput("a", { key: "k", timestamp: 1_000 });
    into.pipeInput("b", { key: "k", timestamp: 61_000 });
    const records = driver.createOutputTopic(perMinute).readRecords();
    expect(records).toHaveRecords([
      { key: "k", window: { start: 0, end: 60_000 }, value: 1 },
      { window: { start: 60_000 }, value: 1 },
    ]);
    expect(records).not.toHaveRecord({ window: { start: 120_000 } });
    expect(failure(() => expect(records).toHaveRecord({ key: "k", window: { end: 1 } }))).toContain(
      `- key "k", window { end: 1 }\n+ key { key: "k", window: { start: 0, end: 60000 } }, value 1, timestamp 1000`,
    );
  });

  it("come from a harness as well", () => {
    const test = harness({ words: input<string>() }, ({ words }) => ({
      counts: words
        .keyBy((word) => word)
        .window(tumbling({ size: minutes(1) }))
        .count("count"),
    }));
    test.element("words", "be", { timestamp: 1 });
    test.end();
    expect(test.read("counts")).toHaveRecords([{ key: "be", value: 1, timestamp: 59_999 }]);
  });
});

describe("the matchers", () => {
  it("are asked by Deno's expect with a context in front, and by others with one in `this`", () => {
    const records = [{ key: "a", value: { n: 1 }, timestamp: 5 }];
    const expected = [{ key: "a", value: { n: 1 } }];
    const equal = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
    const inFront = { value: records, isNot: false, equal, customTesters: [] };
    expect(matchers.toHaveRecords.call(undefined, inFront, expected).pass).toBe(true);
    expect(matchers.toHaveRecord.call(undefined, inFront, { key: "b" }).pass).toBe(false);
    expect(matchers.toHaveRecords.call({ equals: equal }, records, expected).pass).toBe(true);
    expect(matchers.toHaveRecords.call(undefined, records, expected).pass).toBe(true);
  });

  it("show values on one line, much as a program would write them", () => {
    const circle: { self?: unknown } = {};
    circle.self = circle;
    const value = {
      text: 'a "b"',
      big: 5n,
      zero: -0,
      bytes: new Uint8Array([1, 255]),
      map: new Map([["k", [1, undefined]]]),
      set: new Set([null]),
      at: new Date(0),
      any: expect.any(String),
      circle,
      empty: {},
    };
    const said = failure(() => expect([]).toHaveRecord({ value }));
    expect(said).toContain(
      `- value { text: "a \\"b\\"", big: 5n, zero: -0, bytes: bytes <01 ff>, map: Map { "k" => [1, undefined] }, set: Set { null }, at: Date "1970-01-01T00:00:00.000Z", any: Any<String>, circle: { self: [circle] }, em... (209 characters)`,
    );
    expect(failure(() => expect([]).toHaveRecord({ value: json<number>() }))).toContain("serialize: function serialize");
  });

  it("put lists side by side so that nothing is lost and as much as possible stands in both", () => {
    const lists = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 6 });
    fc.assert(
      fc.property(lists, lists, (expected, received) => {
        const same = (a: number, b: number): boolean => a === b;
        for (const align of [inOrder, inAnyOrder]) {
          const lines = align(expected, received, same);
          const of = (...kinds: readonly string[]): number[] =>
            lines.flatMap((line) => (kinds.includes(line.kind) ? [line.kind === "missing" ? line.expected : line.received] : []));
          const sorted = (numbers: readonly number[]): number[] => [...numbers].sort();
          expect(of("both", "extra")).toEqual(received);
          expect(sorted(of("both", "missing"))).toEqual(sorted(expected));
          if (align === inOrder) expect(of("both", "missing")).toEqual(expected);
        }
        const common = (from: readonly number[]): number => Math.min(...[0, 1].map(() => from.length));
        const both = inAnyOrder(expected, received, same).filter(({ kind }) => kind === "both").length;
        const most = [0, 1, 2, 3].reduce(
          (sum, n) => sum + Math.min(...[expected, received].map((list) => common(list.filter((one) => one === n)))),
          0,
        );
        expect(both).toBe(most);
      }),
    );
  });
});
