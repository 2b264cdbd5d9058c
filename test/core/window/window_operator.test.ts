import { describe, expect, it } from "@jest/globals";
import { forever, millis } from "../../../core/duration.ts";
import { TopologyError } from "../../../core/errors.ts";
import { output } from "../../../core/operators/side_output.ts";
import { average, collect, count, minBy, reducing, sum } from "../../../core/state/aggregator.ts";
import { foldingState, listState, valueState } from "../../../core/state/descriptors.ts";
import { assigner } from "../../../core/window/assigner.ts";
import { counting } from "../../../core/window/counting.ts";
import { cumulative } from "../../../core/window/cumulative.ts";
import { trigger } from "../../../core/window/custom_trigger.ts";
import { evictor } from "../../../core/window/evictor.ts";
import { globalWindow } from "../../../core/window/global_window.ts";
import { keepLast } from "../../../core/window/keep_last.ts";
import { onCount } from "../../../core/window/on_count.ts";
import { onInterval } from "../../../core/window/on_interval.ts";
import { onProcessingTime } from "../../../core/window/on_processing_time.ts";
import { onWatermark } from "../../../core/window/on_watermark.ts";
import { orTimeout } from "../../../core/window/or_timeout.ts";
import { purging } from "../../../core/window/purging.ts";
import { onUpdate } from "../../../core/window/revision.ts";
import { session } from "../../../core/window/session.ts";
import { sliding } from "../../../core/window/sliding.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import { type WindowContents, type WindowSpec, windowOperator } from "../../../core/window/window_operator.ts";
import { windowParameters } from "../../../core/window/window_spec.ts";
import { OperatorHarness } from "../../support/operator_harness.ts";

const list: WindowContents = { kind: "process", process: (values, { key, window }) => [{ key, start: window.start, values }] };
const counts: WindowContents = { kind: "aggregate", aggregator: count() };
const tens = tumbling({ size: millis(10) });

const run = (spec: WindowSpec): OperatorHarness => new OperatorHarness(windowOperator(spec));
const values = (harness: OperatorHarness): readonly unknown[] => harness.take().map(({ value }) => value);
/** How many entries the committed store has. */
const stored = (harness: OperatorHarness): number => {
  harness.commit();
  return harness.store.approximateEntries;
};

describe("a window operator", () => {
  it("speaks once per key and window when the watermark reaches the window's last millisecond, with that as timestamp", () => {
    const harness = run({ assigner: tens, contents: counts });
    harness.record("a", 1, 0);
    harness.record("b", 1, 9);
    harness.record("a", 1, 9);
    harness.record("a", 1, 10);
    harness.watermark(8);
    expect(harness.take()).toEqual([]);
    harness.watermark(9);
    expect(harness.take()).toEqual([
      { key: "a", value: 2, timestamp: 9 },
      { key: "b", value: 1, timestamp: 9 },
    ]);
    harness.watermark(Number.POSITIVE_INFINITY);
    expect(harness.take()).toEqual([{ key: "a", value: 1, timestamp: 19 }]);
    expect(stored(harness)).toBe(0);
  });

  it("drops and counts records without a key, but takes them where all records are of one", () => {
    const keyed = run({ assigner: tens, contents: counts });
    const single = run({ assigner: tens, contents: counts, single: true });
    for (const harness of [keyed, single]) {
      for (const key of [null, undefined, "a"]) harness.record(key, 1, 5);
      harness.watermark(100);
    }
    expect(keyed.take()).toEqual([{ key: "a", value: 1, timestamp: 9 }]);
    expect(keyed.counters.get("dropped_null_key")).toBe(2);
    expect(single.take()).toEqual([{ key: null, value: 3, timestamp: 9 }]);
    expect(single.counters.has("dropped_null_key")).toBe(false);
  });

  it("hands records that are later than the allowed lateness to the side output as they came, and counts them", () => {
    const harness = run({ assigner: tens, latenessMs: 5, contents: list });
    harness.record("a", "x", 3);
    harness.watermark(9);
    harness.record("a", "y", 4);
    harness.watermark(13);
    harness.record("a", "z", 5);
    expect(values(harness)).toEqual([
      { key: "a", start: 0, values: ["x"] },
      { key: "a", start: 0, values: ["x", "y"] },
      { key: "a", start: 0, values: ["x", "y", "z"] },
    ]);
    harness.watermark(14);
    harness.record("a", "too late", 6);
    expect(harness.take()).toEqual([]);
    expect(harness.side("late")).toEqual([{ key: "a", value: "too late", timestamp: 6 }]);
    expect(harness.counters.get("late_records")).toBe(1);
    expect(stored(harness)).toBe(0);
  });

  it("keeps windows for ever where the lateness has no end", () => {
    const harness = run({ assigner: tens, latenessMs: forever, contents: counts });
    harness.record("a", 1, 3);
    harness.watermark(10 ** 13);
    harness.record("a", 1, 4);
    expect(values(harness)).toEqual([1, 2]);
    expect(harness.counters.has("late_records")).toBe(false);
  });

  it("goes on after a restart, and fires a window again whose records came after it, in both clocks", () => {
    for (const time of ["event", "processing"] as const) {
      const harness = run({ assigner: tumbling({ size: millis(10), time }), contents: list });
      const pass = (to: number) => (time === "event" ? harness.watermark(to) : harness.processingTime(to));
      harness.record("a", "x", 3);
      harness.restart();
      harness.record("a", "y", 4);
      harness.abort();
      harness.record("a", "z", 5);
      pass(9);
      expect(values(harness)).toEqual([{ key: "a", start: 0, values: ["x", "z"] }]);
      expect(stored(harness)).toBe(0);
    }
  });

  it("fires for records that a restored window gets before its watermark is told again", () => {
    const harness = run({ assigner: tens, latenessMs: 100, contents: counts });
    harness.record("a", 1, 3);
    harness.watermark(20);
    harness.commit();
    harness.watermark(Number.NEGATIVE_INFINITY);
    harness.abort();
    harness.record("a", 1, 4);
    expect(values(harness)).toEqual([1]);
    harness.watermark(20);
    expect(values(harness)).toEqual([2]);
  });

  it("takes a record back whole", () => {
    const harness = run({ assigner: sliding({ size: millis(20), every: millis(10) }), contents: list });
    harness.record("a", "x", 3);
    harness.commit();
    const before = harness.store.approximateEntries;
    harness.state.mark();
    harness.record("a", "y", 3);
    harness.record("a", "z", 13);
    harness.state.rollback();
    expect(stored(harness)).toBe(before);
    harness.watermark(100);
    expect(values(harness)).toEqual([
      { key: "a", start: -10, values: ["x"] },
      { key: "a", start: 0, values: ["x"] },
    ]);
    expect(stored(harness)).toBe(0);
  });

  it("tells keys apart that look alike", () => {
    const harness = run({ assigner: session({ gap: millis(5) }), contents: list });
    const keys = [5, "5", "number 5", true, "true", { a: 1 }, { a: 1, b: 2 }];
    for (const key of keys) harness.record(key, key, 1);
    harness.record({ b: 2, a: 1 }, "the last one again", 2);
    harness.restart();
    harness.watermark(100);
    expect(harness.take().map(({ value }) => (value as { values: readonly unknown[] }).values)).toEqual(
      expect.arrayContaining([...keys.slice(0, -1).map((key) => [key]), [keys.at(-1), "the last one again"]]),
    );
  });

  it("keeps values and accumulators that are undefined", () => {
    const process = run({ assigner: tens, contents: { kind: "process", process: (all) => [all] } });
    const first = run({
      assigner: tens,
      contents: { kind: "aggregate", aggregator: minBy<number | undefined>((value) => value ?? -1), result: (value) => [value] },
    });
    for (const harness of [process, first]) {
      harness.record("a", undefined, 1);
      harness.record("a", 3, 2);
      harness.restart();
      harness.watermark(100);
    }
    expect(values(process)).toEqual([[undefined, 3]]);
    expect(values(first)).toEqual([[3]]);
  });

  it("puts records into windows of one's own", () => {
    const harness = run({
      assigner: assigner<number>({
        assign: (value, timestamp) =>
          value === 0
            ? []
            : [
                { start: timestamp, end: timestamp + value },
                { start: 0, end: 100 },
              ],
      }),
      contents: list,
    });
    harness.record("a", 7, 3);
    harness.record("a", 5, 3);
    harness.record("a", 0, 3);
    harness.restart();
    harness.watermark(99);
    expect(values(harness)).toEqual([
      { key: "a", start: 3, values: [5] },
      { key: "a", start: 3, values: [7] },
      { key: "a", start: 0, values: [7, 5] },
    ]);
    harness.record("a", 0, 3);
    expect(harness.counters.get("late_records")).toBe(1);
    expect(stored(harness)).toBe(0);
  });
});

describe("what a window keeps", () => {
  it("is one entry per accumulator, and one timer", () => {
    const harness = run({ assigner: tens, contents: { kind: "aggregate", aggregator: average<number>((n) => n) } });
    for (let i = 0; i < 50; i++) harness.record("a", i, i % 20);
    expect(stored(harness)).toBe(4);
    harness.record("a", 1, 1);
    harness.commit();
    expect(harness.changelog.length).toBe(5);
  });

  it("is one entry per record where all are kept, so that a commit writes the new ones only", () => {
    const harness = run({ assigner: tens, contents: list });
    for (let i = 0; i < 50; i++) harness.record("a", i, 1);
    expect(stored(harness)).toBe(51);
    harness.record("a", 50, 1);
    harness.commit();
    expect(harness.changelog.length).toBe(52);
  });

  it("is one entry per record also where windows overlap", () => {
    const harness = run({ assigner: sliding({ size: millis(60), every: millis(10) }), contents: list });
    for (let i = 0; i < 50; i++) harness.record("a", i, 1);
    const timers = 6;
    const tally = 1;
    expect(stored(harness)).toBe(50 + timers + tally);
    harness.watermark(Number.POSITIVE_INFINITY);
    expect(stored(harness)).toBe(0);
  });

  it("is nothing of what came and went between two commits", () => {
    for (const contents of [list, counts]) {
      const harness = run({ assigner: session({ gap: millis(5) }), contents });
      for (let i = 0; i < 50; i++) harness.record("a", i, i);
      harness.watermark(1000);
      harness.commit();
      expect(harness.changelog).toEqual([]);
    }
  });

  it("is given in the order in which it came, also where overlapping windows share it", () => {
    const harness = run({ assigner: sliding({ size: millis(20), every: millis(10) }), contents: list });
    for (const [value, at] of [
      ["p", 15],
      ["q", 5],
      ["r", 16],
      ["s", 6],
    ] as const)
      harness.record("a", value, at);
    harness.restart();
    harness.record("a", "t", 7);
    harness.watermark(100);
    expect(values(harness)).toEqual([
      { key: "a", start: -10, values: ["q", "s", "t"] },
      { key: "a", start: 0, values: ["p", "q", "r", "s", "t"] },
      { key: "a", start: 10, values: ["p", "r"] },
    ]);
    expect(stored(harness)).toBe(0);
  });
});

describe("a function of a pane", () => {
  it("sees key, window, both clocks and the end", () => {
    const harness = run({
      assigner: tens,
      contents: { kind: "aggregate", aggregator: sum<number>((n) => n), result: (total, pane) => ({ total, ...pane }) },
    });
    harness.processingTime(77);
    harness.record("a", 4, 12);
    harness.watermark(33);
    expect(values(harness)).toEqual([
      { total: 4, key: "a", window: { start: 10, end: 20 }, timestamp: 19, watermark: 33, processingTime: 77 },
    ]);
  });

  it("has state per key and per window, which goes with the window, and side outputs", () => {
    const cleared: unknown[] = [];
    const harness = run({
      assigner: tens,
      latenessMs: 10,
      contents: {
        kind: "process",
        process: {
          state: { total: valueState({ initial: 0 }) },
          windowState: { here: valueState({ initial: 0 }), seen: listState<number>() },
          side: { large: output<string>() },
          *onPane(all: readonly number[], pane: any) {
            const total = pane.state.total.update((n: number) => n + 1);
            const here = pane.windowState.here.update((n: number) => n + 1);
            pane.windowState.seen.add(all.length);
            if (all.length > 1) pane.side.large(`${pane.key} ${pane.window.start}`);
            yield { total, here, seen: pane.windowState.seen.get() };
          },
          clear: (pane: any) => cleared.push([pane.key, pane.window.start, pane.windowState.here.get()]),
        },
      },
    });
    harness.record("a", 1, 1);
    harness.record("a", 1, 11);
    harness.watermark(10);
    harness.record("a", 1, 2);
    harness.restart();
    harness.watermark(19);
    expect(values(harness)).toEqual([
      { total: 1, here: 1, seen: [1] },
      { total: 2, here: 2, seen: [1, 2] },
      { total: 3, here: 1, seen: [1] },
    ]);
    expect(harness.side("large")).toEqual([{ key: "a", value: "a 0", timestamp: 9 }]);
    expect(cleared).toEqual([["a", 0, 2]]);
    harness.watermark(Number.POSITIVE_INFINITY);
    expect(cleared).toEqual([
      ["a", 0, 2],
      ["a", 10, 1],
    ]);
    expect(stored(harness)).toBe(1);
  });

  it("may give nothing", () => {
    const harness = run({ assigner: tens, contents: { kind: "process", process: () => undefined } });
    harness.record("a", 1, 1);
    harness.watermark(100);
    expect(harness.take()).toEqual([]);
  });
});

describe("a trigger", () => {
  it("leaves nothing behind when its window goes", () => {
    const own = trigger({
      state: { seen: foldingState(count<unknown>()), all: listState<unknown>() },
      onRecord(value: unknown, _timestamp, { state }) {
        state.seen.add(value);
        state.all.add(value);
        return (state.seen.get() ?? 0) % 2 === 0 ? "fire" : "continue";
      },
    });
    const emits = [
      onCount(3),
      purging(onCount(3)),
      onInterval(millis(3)),
      onInterval(millis(3), { time: "processing" }),
      orTimeout(onCount(3), millis(50)),
      own,
      onProcessingTime(),
    ];
    for (const emit of emits) {
      const harness = run({ assigner: tens, trigger: emit, latenessMs: 5, contents: list });
      for (let i = 0; i < 5; i++) harness.record(`k${i % 2}`, i, i);
      expect(stored(harness)).toBeGreaterThan(2);
      harness.watermark(1000);
      expect(`${emit.name} ${stored(harness)}`).toBe(`${emit.name} 0`);
      harness.processingTime(1000);
      harness.take();
      expect(stored(harness)).toBe(0);
    }
  });

  it("may set timers in both clocks; those it leaves behind fire for nobody", () => {
    const heard: string[] = [];
    const emit = trigger<string>({
      onRecord(_value, timestamp, { timers }) {
        for (const by of [1, 5, 50]) timers.event.set(timestamp + by);
        timers.processing.set(1000);
        timers.event.delete(timestamp + 5);
        return "continue";
      },
      onTimer({ timestamp, domain }, { window, watermark, processingTime }) {
        heard.push(`${domain} ${timestamp} of ${window.start} at ${watermark}/${processingTime}`);
        return "fire-and-purge";
      },
    });
    const harness = run({ assigner: tens, trigger: emit, contents: list });
    harness.record("a", "x", 2);
    harness.watermark(4);
    expect(values(harness)).toEqual([{ key: "a", start: 0, values: ["x"] }]);
    harness.record("a", "y", 3);
    harness.watermark(200);
    harness.processingTime(2000);
    expect(values(harness)).toEqual([{ key: "a", start: 0, values: ["y"] }]);
    expect(heard).toEqual(["event 3 of 0 at 4/0", "event 4 of 0 at 200/0", "event 9 of 0 at 200/0"]);
    expect(stored(harness)).toBe(0);
  });

  it("refuses a timer for no time", () => {
    const harness = run({
      assigner: tens,
      trigger: trigger({
        onRecord: (_value: unknown, _timestamp, { timers }) => {
          timers.event.set(Number.NaN);
          return "continue";
        },
      }),
      contents: list,
    });
    expect(() => harness.record("a", 1, 1)).toThrow("A timer cannot be set for NaN: give milliseconds since 1970");
  });

  it("of one's own gathers its state when windows merge", () => {
    const everyThird = trigger({
      state: { seen: valueState({ initial: 0 }) },
      onRecord(_value: unknown, _timestamp, { state }) {
        return state.seen.update((n) => n + 1) % 3 === 0 ? "fire" : "continue";
      },
      onMerge({ state, forEachMerged, window }) {
        let total = 0;
        forEachMerged(({ seen }, before) => {
          expect(before.start >= window.start && before.end <= window.end).toBe(true);
          total += seen.get();
        });
        state.seen.set(total);
      },
    });
    const harness = run({ assigner: session({ gap: millis(10) }), trigger: everyThird, contents: list });
    harness.record("a", "x", 0);
    harness.record("a", "y", 20);
    expect(values(harness)).toEqual([]);
    harness.restart();
    harness.record("a", "z", 10);
    expect(harness.take()).toMatchObject([{ timestamp: 29, value: { start: 0 } }]);
    harness.watermark(1000);
    expect(stored(harness)).toBe(0);
  });

  it("at intervals ends with the input, also in a window that does not", () => {
    const harness = run({ assigner: globalWindow(), trigger: onInterval(millis(10)), contents: counts });
    harness.record("a", 1, 3);
    harness.watermark(25);
    expect(values(harness)).toEqual([1, 1]);
    harness.watermark(Number.POSITIVE_INFINITY);
    expect(harness.take()).toEqual([{ key: "a", value: 1, timestamp: Number.POSITIVE_INFINITY }]);
  });

  it("by the watermark fires a global window when the input has ended", () => {
    const harness = run({ assigner: globalWindow(), trigger: onWatermark(), contents: counts });
    harness.record("a", 1, 3);
    harness.restart();
    harness.record("a", 1, 3);
    harness.watermark(10 ** 15);
    expect(harness.take()).toEqual([]);
    harness.watermark(Number.POSITIVE_INFINITY);
    expect(values(harness)).toEqual([2]);
  });

  it("with a timeout begins the waiting anew for each record where it is told to", () => {
    for (const restart of [true, false]) {
      const harness = run({
        assigner: globalWindow(),
        trigger: purging(orTimeout(onCount(100), millis(10), { restart })),
        contents: counts,
      });
      harness.record("a", 1, 0);
      harness.processingTime(6);
      harness.record("a", 1, 0);
      harness.processingTime(10);
      expect(values(harness)).toEqual(restart ? [] : [2]);
      harness.processingTime(16);
      expect(values(harness)).toEqual(restart ? [2] : []);
    }
  });

  it("that has deleted its timer for the window's end is asked then all the same, when a record has come since", () => {
    // A record sets the moment at which the window goes, which is the trigger's moment as well; it was only heard of the first one.
    for (const again of [true, false]) {
      const once = trigger({
        onRecord: (_value: unknown, _timestamp, { timers, window }) => {
          timers.event.set(window.end - 1);
          return "continue";
        },
        onTimer: () => "fire",
        clear: ({ timers, window }) => timers.event.delete(window.end - 1),
      });
      const harness = run({ assigner: tens, trigger: orTimeout(once, millis(5)), contents: counts });
      harness.record("a", 1, 0);
      harness.processingTime(5);
      expect(values(harness)).toEqual([1]);
      if (again) harness.record("a", 1, 0);
      harness.watermark(9);
      expect(values(harness)).toEqual(again ? [2] : []);
      expect(stored(harness)).toBe(0);
    }
  });

  it("with a timeout forgets what the inner trigger has counted, unless it is told not to", () => {
    for (const clear of [true, false]) {
      const harness = run({ assigner: globalWindow(), trigger: orTimeout(onCount(3), millis(10), { clear }), contents: counts });
      harness.record("a", 1, 0);
      harness.record("a", 1, 0);
      harness.processingTime(10);
      expect(values(harness)).toEqual([2]);
      harness.record("a", 1, 0);
      expect(values(harness)).toEqual(clear ? [] : [3]);
    }
  });
});

describe("an evictor", () => {
  it("of one's own says what stays, before and after", () => {
    const evict = evictor<number>({
      before: (all) => all.filter((n) => n > 0),
      after: (all, { start }) => (start === 0 ? all.slice(1) : []),
    });
    const harness = run({ assigner: tens, trigger: onCount(2), evictor: evict, contents: list });
    for (const n of [1, -1, 2, 2]) harness.record("a", n, 1);
    harness.restart();
    for (const n of [-2, 3]) harness.record("a", n, 1);
    expect(values(harness)).toEqual([
      { key: "a", start: 0, values: [1] },
      { key: "a", start: 0, values: [2, 2] },
      { key: "a", start: 0, values: [2, 3] },
    ]);
  });

  it("must give values of the window, in their order", () => {
    for (const before of [() => [7], (all: readonly number[]) => [...all].reverse(), (all: readonly number[]) => [...all, ...all]]) {
      const harness = run({ assigner: tens, trigger: onCount(2), evictor: evictor<number>({ before }), contents: list });
      harness.record("a", 1, 1);
      expect(() => harness.record("a", 2, 1)).toThrow(
        "The evictor keeps a value that is not in the window, or not in that place: give some of the values it was called with, in their order",
      );
    }
  });

  it("that leaves no record has an aggregate and a process function speak of none, and a reduction say nothing", () => {
    for (const contents of [counts, { kind: "aggregate", aggregator: reducing<number>(Math.max) } as const, list]) {
      const harness = run({ assigner: tens, evictor: evictor<number>({ before: () => [] }), contents });
      harness.record("a", 1, 1);
      harness.watermark(100);
      expect(values(harness)).toEqual(contents === list ? [{ key: "a", start: 0, values: [] }] : contents === counts ? [0] : []);
      expect(stored(harness)).toBe(0);
    }
  });

  it("works in sessions, where an aggregator then needs no merge", () => {
    const { merge: _merge, ...adding } = collect<string>();
    const harness = run({
      assigner: session({ gap: millis(10) }),
      evictor: keepLast(2),
      contents: { kind: "aggregate", aggregator: adding },
    });
    for (const [value, at] of [
      ["x", 0],
      ["y", 20],
      ["z", 10],
    ] as const)
      harness.record("a", value, at);
    harness.restart();
    harness.watermark(100);
    expect(values(harness)).toHaveLength(1);
    expect(stored(harness)).toBe(0);
  });
});

describe("windows of so many records", () => {
  it("speak when they are full, and slide where they are told to", () => {
    const full = run({ assigner: counting({ size: 2 }), contents: list });
    const sliding = run({ assigner: counting({ size: 3, every: 2 }), contents: list });
    for (const harness of [full, sliding]) {
      for (let i = 0; i < 6; i++) harness.record("a", i, 0);
      if (harness === full) expect(stored(harness)).toBe(0);
    }
    expect(full.take().map(({ value }) => (value as { values: unknown }).values)).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
    expect(sliding.take().map(({ value }) => (value as { values: unknown }).values)).toEqual([
      [0, 1],
      [1, 2, 3],
      [3, 4, 5],
    ]);
  });
});

describe("what does not go together is refused when it is described", () => {
  const { merge: _merge, ...adding } = count<unknown>();
  const sessions = session({ gap: millis(10) });
  const withWindowState: WindowContents = {
    kind: "process",
    process: { windowState: { n: valueState({ initial: 0 }) }, onPane: () => [] },
  };
  const wrong: [string, WindowSpec, string][] = [
    [
      "a negative lateness",
      { assigner: tens, latenessMs: -1, contents: counts },
      "The allowed lateness of a window is -1 ms: give a whole number of milliseconds that is not negative, such as minutes(1)",
    ],
    [
      "a lateness that is no number",
      { assigner: tens, latenessMs: Number.NaN, contents: counts },
      "The allowed lateness of a window is NaN ms",
    ],
    ["a lateness in fractions", { assigner: tens, latenessMs: 0.5, contents: counts }, "The allowed lateness of a window is 0.5 ms"],
    [
      "sessions of a trigger that cannot merge",
      { assigner: sessions, trigger: trigger({ onRecord: () => "fire" }), contents: counts },
      "The trigger custom cannot be used with session windows",
    ],
    [
      "sessions of a timeout",
      { assigner: sessions, trigger: orTimeout(onCount(2), millis(1)), contents: counts },
      "The trigger timeout(count(2), 1) cannot be used with session windows",
    ],
    [
      "sessions of an aggregator that cannot merge",
      { assigner: sessions, contents: { kind: "aggregate", aggregator: adding } },
      "An aggregator without `merge` cannot be used with session windows: say what two accumulators make together",
    ],
    [
      "sessions with state per window",
      { assigner: sessions, contents: withWindowState },
      "State per window cannot be used with session windows, as their bounds change: keep it per key, in `state`",
    ],
    // They were taken once, and all windows of a key became one row when it was written.
    [
      "rows of windows that their starts do not tell apart",
      { assigner: cumulative({ size: millis(20), step: millis(5) }), contents: counts, revision: { emit: onUpdate() } },
      "Windows of kind cumulative cannot be the rows of a table, whose windows are found by their starts: use tumbling",
    ],
  ];
  for (const [what, spec, message] of wrong)
    it(what, () => {
      let error: unknown;
      try {
        windowOperator(spec);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(TopologyError);
      expect(error).toMatchObject({ code: "WINDOW_INVALID", message: expect.stringContaining(message) });
    });

  it("and what does is described by its parameters", () => {
    expect(windowParameters({ assigner: sliding({ size: millis(20), every: millis(10) }), latenessMs: 3, contents: list })).toEqual({
      windows: "sliding",
      time: "event",
      size: 20,
      every: 10,
      offset: 0,
      emit: "watermark",
      lateness: 3,
      keeps: "slices",
    });
    expect(
      windowParameters({ assigner: sessions, trigger: purging(onCount(2)), evictor: keepLast(2, { after: true }), contents: counts }),
    ).toEqual({
      windows: "session",
      time: "event",
      gap: 10,
      emit: "purging(count(2))",
      evict: "last(2), after",
      lateness: 0,
      keeps: "records with timestamps",
    });
  });
});

describe("a window whose function throws, under a policy that leaves its timers out", () => {
  const picky: WindowContents = {
    kind: "process",
    process: (values) => {
      if (values.includes("bad")) throw new Error("No");
      return [values];
    },
  };

  it("is let go of at its end, contents and all", () => {
    const harness = run({ assigner: tens, contents: picky });
    harness.skipFailing();
    harness.record("a", "bad", 1);
    harness.record("b", "good", 1);
    harness.watermark(9);
    expect(values(harness)).toEqual([["good"]]);
    expect(stored(harness)).toBe(0);
  });

  it("still takes late records, and goes when their time is over too", () => {
    const harness = run({ assigner: tens, contents: picky, latenessMs: 5 });
    harness.skipFailing();
    harness.record("a", "bad", 1);
    harness.watermark(9);
    expect(stored(harness)).toBeGreaterThan(0);
    harness.watermark(14);
    expect(values(harness)).toEqual([]);
    expect(stored(harness)).toBe(0);
  });

  it("is asked again by a trigger that fires at intervals", () => {
    let broken = true;
    const seen: WindowContents = {
      kind: "process",
      process: (values) => {
        if (broken) throw new Error("No");
        return [values.length];
      },
    };
    const harness = run({ assigner: tumbling({ size: millis(100) }), trigger: onInterval(millis(10)), contents: seen });
    harness.skipFailing();
    harness.record("a", 1, 1);
    harness.watermark(10);
    broken = false;
    harness.watermark(20);
    expect(values(harness)).toEqual([1]);
    harness.watermark(200);
    expect(stored(harness)).toBe(0);
  });
});
