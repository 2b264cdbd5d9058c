import { describe, expect, it } from "@jest/globals";
import { millis } from "../../../core/duration.ts";
import { output } from "../../../core/operators/side_output.ts";
import { int64 } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { sum } from "../../../core/state/aggregator.ts";
import { valueState } from "../../../core/state/descriptors.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import { harness } from "../../../topology/testing/harness.ts";
import { input } from "../../../topology/testing/input.ts";
import { topic } from "../../../topology/topic.ts";

const windows = tumbling({ size: millis(10) });
const total = sum((n: number) => n);

describe("the harness", () => {
  it("runs what stands behind a shuffle as well, with the keys that it gives", () => {
    const test = harness({ words: input<string>() }, ({ words }) => ({
      perLetter: words
        .filter((word) => word !== "")
        .keyBy((word) => word[0])
        .window(windows)
        .count("letters", (n, { key }) => `${key}${n}`),
    }));
    for (const word of ["be", "to", "", "bar"]) test.element("words", word, { timestamp: 3 });
    expect(test.read("perLetter")).toEqual([]);
    test.watermark(9);
    expect(test.read("perLetter").map(({ key, value, timestamp }) => [key, value, timestamp])).toEqual([
      ["b", "b2", 9],
      ["t", "t1", 9],
    ]);
    expect(test.read("perLetter")).toEqual([]);
  });

  it("keeps the keys that a test gives, of any kind, and has none where it gives none", () => {
    const test = harness({ n: input<number>() }, ({ n }) => ({
      keyed: n.keyBy().scan("sums", total),
      all: n.single().scan("all", total),
      n,
    }));
    test.element("n", 1, { key: 5n });
    test.element("n", 2, { key: { b: 1, a: 2 } });
    test.element("n", 3, { key: { a: 2, b: 1 } });
    test.element("n", 4);
    expect(test.read("keyed").map(({ key, value }) => [key, value])).toEqual([
      [5n, 1],
      [{ b: 1, a: 2 }, 2],
      [{ a: 2, b: 1 }, 5],
    ]);
    expect(test.read("all").map(({ key, value }) => [key, value])).toEqual([1, 3, 6, 10].map((value) => [null, value]));
    expect(test.read("n").at(-1)).toMatchObject({ key: null, value: 4, timestamp: Number.NEGATIVE_INFINITY });
  });

  it("gives headers, side outputs and late records", () => {
    const test = harness({ n: input<number>() }, ({ n }) => {
      const split = n.process("split", {
        side: { odd: output<number>() },
        onRecord: (value, { side }) => (value % 2 === 0 ? [value] : side.odd(value)),
      });
      const counted = split
        .keyBy((value) => value)
        .window(windows)
        .count("counted");
      return { even: split, odd: split.side.odd, late: counted.side.late };
    });
    test.watermark(20);
    test.element("n", 1, { timestamp: 1, headers: { trace: "abc" } });
    test.element("n", 2, { timestamp: 1 });
    expect(test.read("odd").map(({ value, headers }) => [value, headers.text("trace")])).toEqual([[1, "abc"]]);
    expect(test.read("late").map(({ value, timestamp }) => [value, timestamp])).toEqual([[2, 1]]);
    expect(test.read("even").map(({ value }) => value)).toEqual([2]);
  });

  it("shows watermarks and idleness among the records", () => {
    const test = harness({ a: input<string>({ channels: 2 }) }, ({ a }) => ({ out: a.map((value) => value) }));
    test.element("a", "x", { timestamp: 1 });
    test.watermark(5, "a", 0);
    test.watermark(3, "a", 1);
    test.idle("a", true, 1);
    test.idle("a", true, 0);
    test.idle("a", false, 0);
    test.watermark(4, "a", 0);
    test.watermark(9, "a");
    const shown = test
      .events("out")
      .map((event) => (event.kind === "record" ? event.record.value : event.kind === "watermark" ? event.watermark : event.kind));
    expect(shown).toEqual(["x", 3, 5, "idle", "active", 9]);
    expect(test.events("out")).toEqual([]);
    expect(test.read("out").map(({ value }) => value)).toEqual(["x"]);
  });

  it("joins the event time of a union, also where it is looked at without a step", () => {
    const test = harness({ a: input<number>(), b: input<number>() }, ({ a, b }) => ({ both: a.union(b) }));
    test.watermark(7, "a");
    expect(test.events("both")).toEqual([]);
    test.watermark(5, "b");
    test.end();
    expect(test.events("both")).toEqual([
      { kind: "watermark", watermark: 5 },
      { kind: "watermark", watermark: Number.POSITIVE_INFINITY },
    ]);
  });

  it("tells a step behind an input without channels just what the test says, as an operator hears it", () => {
    const test = harness({ a: input<number>() }, ({ a }) => ({
      fired: a.keyBy().process("timers", {
        onRecord: (at, { timers }) => timers.event.set(at),
        onTimer: ({ timestamp }, { watermark }) => [`${timestamp} at ${watermark}`],
      }),
    }));
    test.watermark(50);
    test.element("a", 20, { key: "k", timestamp: 60 });
    expect(test.read("fired")).toEqual([]);
    test.watermark(50);
    test.element("a", 30, { key: "k", timestamp: 60 });
    test.watermark(40);
    expect(test.read("fired").map(({ value }) => value)).toEqual(["20 at 50", "30 at 40"]);
  });

  it("moves the clock in one step: all timers that are due see where it stands now", () => {
    const test = harness(
      { a: input<number>() },
      ({ a }) => ({
        fired: a.keyBy().process("timers", {
          onRecord: (at, { timers }) => timers.processing.set(at),
          onTimer: ({ timestamp, domain }, { processingTime }) => [`${domain} ${timestamp} at ${processingTime}`],
        }),
      }),
      { processingTime: 100 },
    );
    test.element("a", 120, { key: "k" });
    test.element("a", 110, { key: "l" });
    test.element("a", 90, { key: "m" });
    expect(test.read("fired")).toEqual([]);
    test.processingTime(115);
    test.processingTime(200);
    expect(test.read("fired").map(({ value }) => value)).toEqual([
      "processing 90 at 115",
      "processing 110 at 115",
      "processing 120 at 200",
    ]);
  });

  it("begins again from a snapshot, as often as one likes, with event time anew", () => {
    const build = (restore?: Uint8Array) =>
      harness(
        { n: input<number>() },
        ({ n }) => ({
          sums: n.keyBy().window(windows).aggregate("sums", total),
          seen: n.keyBy().process("seen", {
            state: { times: valueState({ initial: 0 }) },
            onRecord: (_, { state, watermark }) => [`${state.times.update((times) => times + 1)} at ${watermark}`],
          }),
        }),
        restore === undefined ? {} : { restore },
      );
    const test = build();
    test.watermark(2);
    test.element("n", 1, { key: "k", timestamp: 5 });
    const snapshot = test.snapshot();
    test.element("n", 10, { key: "k", timestamp: 5 });
    for (const restored of [build(snapshot), build(snapshot)]) {
      restored.element("n", 100, { key: "k", timestamp: 1 });
      restored.watermark(20);
      expect(restored.read("sums").map(({ value }) => value)).toEqual([101]);
      expect(restored.read("seen").map(({ value }) => value)).toEqual(["2 at -Infinity"]);
    }
    test.watermark(20);
    expect(test.read("sums").map(({ value }) => value)).toEqual([11]);
  });

  it("looks at the changes of a table, and lets what is written to a topic go nowhere", () => {
    const test = harness({ words: input<string>() }, ({ words }) => {
      const counts = words.keyBy((word) => word).count("counts");
      counts.to(topic("counts", { key: text, value: int64 }) as any);
      return { changes: counts.toStream() };
    });
    for (const word of ["be", "or", "be"]) test.element("words", word);
    expect(test.read("changes").map(({ key, value }) => [key, value])).toEqual([
      ["be", 1],
      ["or", 1],
      ["be", 2],
    ]);
  });

  it("names the step that has failed", () => {
    const test = harness({ n: input<number>() }, ({ n }) => ({
      out: n
        .map((value) => {
          if (value < 0) throw new RangeError("No negative numbers");
          return value;
        })
        .with({ name: "root" }),
    }));
    test.element("n", 1);
    expect(() => test.element("n", -1)).toThrow("Step 'root' threw: No negative numbers");
  });

  it("refuses what it does not have", () => {
    const test = harness({ n: input<number>({ channels: 2 }) }, ({ n }) => ({ out: n }));
    expect(() => test.element("m" as "n", 1)).toThrow("The harness has no input 'm': it has n");
    expect(() => test.read("outs" as "out")).toThrow("The harness has no output 'outs': it has out");
    expect(() => test.watermark(1, "n", 2)).toThrow("Input 'n' has no channel 2: it has 2, counted from 0");
    expect(() => input({ channels: 0 })).toThrow("An input cannot have 0 channels");
    expect(() => harness({ n: input<number>() }, ({ n }) => ({ out: n.keyBy((v) => v).count("n") as any }))).toThrow(
      "The harness cannot look at 'out', which is no stream",
    );
  });
});
