import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type Duration, hours, millis, minutes } from "../../../core/duration.ts";
import { TopologyError } from "../../../core/errors.ts";
import { noTimestamp } from "../../../core/record.ts";
import { type Assigner, assigner } from "../../../core/window/assigner.ts";
import { counting } from "../../../core/window/counting.ts";
import { globalWindow } from "../../../core/window/global_window.ts";
import { keepLast } from "../../../core/window/keep_last.ts";
import { keepNear } from "../../../core/window/keep_near.ts";
import { keepRecent } from "../../../core/window/keep_recent.ts";
import { onCount } from "../../../core/window/on_count.ts";
import { onDelta } from "../../../core/window/on_delta.ts";
import { onInterval } from "../../../core/window/on_interval.ts";
import { orTimeout } from "../../../core/window/or_timeout.ts";
import { session } from "../../../core/window/session.ts";
import { sliding } from "../../../core/window/sliding.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import { maxTimestamp, type Window } from "../../../core/window/window.ts";

/** The windows of one record. */
const windowsOf = <V>({ open, space }: Assigner<V, Window>, value: V, timestamp: number, processingTime = 0): readonly Window[] =>
  open()(value, timestamp, { processingTime: () => processingTime }).map((known) => space.window(known));

const refusal = (make: () => unknown): { readonly code: string; readonly message: string } | undefined => {
  try {
    make();
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(TopologyError);
    return error as TopologyError;
  }
};

const times = fc.integer({ min: -(10 ** 13), max: 10 ** 13 });
const lengths = fc.integer({ min: 1, max: 10 ** 9 });

describe("windows of one size", () => {
  it("tumbling gives the one window that has the timestamp, whatever the offset and also before 1970", () => {
    fc.assert(
      fc.property(times, lengths, fc.double({ min: -1, max: 1, noNaN: true, minExcluded: true, maxExcluded: true }), (at, size, shift) => {
        const offset = Math.trunc(shift * size);
        const [window, ...more] = windowsOf(tumbling({ size: millis(size), offset: millis(offset) }), null, at);
        expect(more).toEqual([]);
        expect(window!.end - window!.start).toBe(size);
        expect(window!.start <= at && at <= maxTimestamp(window!)).toBe(true);
        expect(Math.abs((window!.start - offset) % size)).toBe(0);
      }),
    );
  });

  it("sliding gives all windows that have the timestamp, newest first, and no others", () => {
    fc.assert(
      fc.property(
        times,
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: -999, max: 999 }),
        (at, size, every, shift) => {
          const offset = shift % every;
          const windows = windowsOf(sliding({ size: millis(size), every: millis(every), offset: millis(offset), gaps: true }), null, at);
          const starts = [];
          for (let start = at; start > at - size; start--) if (Math.abs((start - offset) % every) === 0) starts.push(start);
          expect(windows).toEqual(starts.map((start) => ({ start, end: start + size })));
        },
      ),
    );
  });

  it("processing-time windows are those of the Clock, and do not ask for a timestamp", () => {
    expect(windowsOf(tumbling({ size: millis(10), time: "processing" }), null, noTimestamp, 25)).toEqual([{ start: 20, end: 30 }]);
  });

  it("a record without a timestamp is refused by windows of event time", () => {
    expect(() => windowsOf(tumbling({ size: millis(10) }), null, noTimestamp)).toThrow(
      "Cannot put a record without a timestamp (-Infinity) into a window of event time: give its source a `timestamp`",
    );
  });
});

describe("session windows", () => {
  it("begin at the record and end a gap later, which may depend on the value", () => {
    expect(windowsOf(session({ gap: millis(5) }), null, -3).map(({ start, end }) => [start, end])).toEqual([[-3, 2]]);
    const byValue = session<{ gap: number }>({ gap: ({ gap }) => millis(gap) });
    expect(windowsOf(byValue, { gap: 7 }, 10).map(({ start, end }) => [start, end])).toEqual([[10, 17]]);
    for (const gap of [0, -1, Number.NaN, 1.5, Number.POSITIVE_INFINITY])
      expect(() => windowsOf(byValue, { gap }, 10)).toThrow(
        `The gap of a session window, as computed from a value, is ${gap} ms: give a whole number of milliseconds that is more than 0`,
      );
  });
});

describe("windows of one's own", () => {
  it("are those that the function gives", () => {
    const untilMidnight = assigner<number>({ assign: (value, timestamp) => [{ start: timestamp, end: value }] });
    expect(windowsOf(untilMidnight, 100, 30)).toEqual([{ start: 30, end: 100 }]);
    expect(() => windowsOf(untilMidnight, 30, 30)).toThrow(
      "Cannot put a record into the window [30, 30): give windows that end after their start",
    );
    expect(() => windowsOf(untilMidnight, Number.NaN, 30)).toThrow("window [30, NaN)");
  });

  it("and the global window has everything", () => {
    expect(windowsOf(globalWindow(), null, 5)).toEqual([{ start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY }]);
  });
});

describe("what cannot work is refused when it is described, with the value and what to do", () => {
  const odd = [0, -1, Number.NaN, 1.5, Number.POSITIVE_INFINITY] as Duration[];
  const refused: [string, (ms: Duration) => unknown][] = [
    ["The size of a tumbling window", (size) => tumbling({ size })],
    ["The size of a sliding window", (size) => sliding({ size, every: minutes(1) })],
    ["The step `every` of a sliding window", (every) => sliding({ size: minutes(5), every })],
    ["The gap of a session window", (gap) => session({ gap })],
    ["The interval after which a window fires", (every) => onInterval(every)],
    ["The timeout of a trigger", (timeout) => orTimeout(onCount(1), timeout)],
    ["The time for which a window keeps records", (time) => keepRecent(time)],
  ];
  for (const [what, make] of refused)
    it(`${what}: no, negative, fractional and endless times`, () => {
      for (const ms of odd) {
        const { code, message } = refusal(() => make(ms))!;
        expect(code).toBe("WINDOW_INVALID");
        expect(message).toContain(`${what} is ${ms} ms: give a whole number of milliseconds that is more than 0, such as `);
      }
    });

  it("numbers of records that are none, negative or fractional", () => {
    for (const n of odd)
      for (const make of [() => counting({ size: n }), () => counting({ size: 1, every: n }), () => onCount(n), () => keepLast(n)])
        expect(refusal(make)).toMatchObject({
          code: "WINDOW_INVALID",
          message: expect.stringContaining(`is ${n}: give a whole number that is more than 0`),
        });
  });

  it("thresholds that are no number", () => {
    for (const make of [() => onDelta(Number.NaN, () => 1), () => keepNear(Number.NaN, () => 1)])
      expect(refusal(make)?.code).toBe("WINDOW_INVALID");
  });

  it("offsets of a step or more", () => {
    for (const offset of [60_000, -60_000, Number.NaN, 0.5] as Duration[])
      expect(refusal(() => tumbling({ size: minutes(1), offset }))).toMatchObject({
        code: "WINDOW_INVALID",
        message: `The offset of a tumbling window is ${offset} ms: give a whole number of milliseconds that is less than the step of 60000 ms either way`,
      });
    expect(refusal(() => sliding({ size: hours(1), every: minutes(1), offset: minutes(1) }))?.code).toBe("WINDOW_INVALID");
    expect(refusal(() => sliding({ size: hours(1), every: minutes(1), offset: millis(-59_999) }))).toBeUndefined();
  });

  it("sliding windows with gaps between them, unless they are meant", () => {
    expect(refusal(() => sliding({ size: minutes(1), every: minutes(2) }))?.message).toBe(
      "Sliding windows of 60000 ms that begin every 120000 ms leave records in no window: let `every` be at most `size`, or say `gaps: true` if that is meant",
    );
    expect(refusal(() => sliding({ size: minutes(1), every: minutes(2), gaps: true }))).toBeUndefined();
    expect(refusal(() => sliding({ size: minutes(1), every: minutes(1) }))).toBeUndefined();
  });
});
