import { describe, expect, it } from "@jest/globals";
import { millis } from "../../../core/duration.ts";
import type { Assigner } from "../../../core/window/assigner.ts";
import { cumulative } from "../../../core/window/cumulative.ts";
import { onInterval } from "../../../core/window/on_interval.ts";
import { onWatermark } from "../../../core/window/on_watermark.ts";
import { orTimeout } from "../../../core/window/or_timeout.ts";
import { session } from "../../../core/window/session.ts";
import { sliding } from "../../../core/window/sliding.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import type { Window } from "../../../core/window/window.ts";
import { harness } from "../../../topology/testing/harness.ts";
import { input } from "../../../topology/testing/input.ts";
import type { Firing } from "../../../topology/windowed_stream.ts";

/** What windows say, as `start values`. */
const windowed = (assigner: Assigner<unknown, Window>, firing: Firing<unknown, Window> = {}, restore?: Uint8Array) => {
  const test = harness(
    { n: input<number>() },
    ({ n }) => ({
      out: n
        .keyBy()
        .window(assigner, firing)
        .process("w", (values, { window }) => [`${window.start} ${values}`]),
    }),
    restore === undefined ? {} : { restore },
  );
  return {
    test,
    say: (value: number, timestamp: number) => test.element("n", value, { key: "k", timestamp }),
    read: () => test.read("out").map(({ value }) => value),
  };
};

describe("windows", () => {
  // A window of event time may end, by its number, long before the moment that the clock shows: the trigger set its timer for the end again and again.
  it("that the clock makes speak at intervals come to an end, wherever their own end lies", () => {
    const { test, say, read } = windowed(session({ gap: millis(10) }), { emit: onInterval(millis(30), { time: "processing" }) });
    say(1, -50);
    test.processingTime(100);
    test.processingTime(200);
    expect(read()).toEqual(["-50 1"]);
  });

  // The moment at which a pane is let go of was taken for the trigger's own, although the trigger had deleted it.
  it("say nothing at their end when the trigger was cleared before by a time-out", () => {
    const { test, say, read } = windowed(tumbling({ size: millis(100) }), { emit: orTimeout(onWatermark(), millis(20), { clear: true }) });
    say(1, 5);
    test.processingTime(20);
    expect(read()).toEqual(["0 1"]);
    test.watermark(200);
    expect(read()).toEqual([]);
    say(2, 205);
    test.processingTime(40);
    say(3, 210);
    test.watermark(400);
    expect(read()).toEqual(["200 2", "200 2,3"]);
  });

  // The records of overlapping windows are kept once, so those of a window that was gone came back with it.
  it("that overlap and begin again when event time begins anew hold only what has come since", () => {
    const overlapping = sliding({ size: millis(60), every: millis(20) });
    const first = windowed(overlapping);
    first.say(1, 25);
    first.test.watermark(60);
    expect(first.read()).toEqual(["-20 1", "0 1"]);
    const again = windowed(overlapping, {}, first.test.snapshot());
    again.say(2, 30);
    again.test.watermark(45);
    expect(again.read()).toEqual(["-20 2"]);
    again.say(3, 35);
    again.test.watermark(100);
    expect(again.read()).toEqual(["0 2,3", "20 1,2,3"]);
    expect(again.test.snapshot().length).toBe(windowed(overlapping).test.snapshot().length);
  });

  it("that overlap and whose last millisecond goes on when they have spoken hold only what has come since", () => {
    const { test, say, read } = windowed(sliding({ size: millis(60), every: millis(20), time: "processing" }));
    say(1, 0);
    test.processingTime(19);
    expect(read()).toEqual(["-40 1"]);
    say(2, 0);
    test.processingTime(39);
    expect(read()).toEqual(["-40 2", "-20 1,2"]);
    test.processingTime(200);
    expect(read()).toEqual(["0 1,2"]);
  });

  it("that grow tell at each step what has come so far", () => {
    const { test, say, read } = windowed(cumulative({ size: millis(60), step: millis(20) }));
    say(1, 5);
    say(2, 30);
    test.watermark(59);
    say(3, 61);
    test.end();
    expect(read()).toEqual(["0 1", "0 1,2", "0 1,2", "60 3", "60 3", "60 3"]);
  });
});
