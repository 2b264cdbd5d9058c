import { describe, expect, it } from "@jest/globals";
import { millis } from "../../../core/duration.ts";
import { noTimestamp } from "../../../core/record.ts";
import { globalWindow } from "../../../core/window/global_window.ts";
import { keepRecent } from "../../../core/window/keep_recent.ts";
import { onCount } from "../../../core/window/on_count.ts";
import { onInterval } from "../../../core/window/on_interval.ts";
import { session } from "../../../core/window/session.ts";
import { type WindowContents, windowOperator } from "../../../core/window/window_operator.ts";
import { OperatorHarness } from "../../support/operator_harness.ts";

const list: WindowContents = { kind: "process", process: (values) => [values] };
const values = (harness: OperatorHarness): readonly unknown[] => harness.take().map(({ value }) => value);

describe("records without a timestamp", () => {
  it("in a session at intervals are told of at its end, as no multiple of the interval is the first", () => {
    const harness = new OperatorHarness(
      windowOperator({ assigner: session({ gap: millis(10) }), trigger: onInterval(millis(5)), contents: list }),
    );
    harness.record("a", 1, noTimestamp);
    harness.watermark(0);
    expect(values(harness)).toEqual([[1]]);
  });

  it("in a window without end begin no interval: the first record with a timestamp does", () => {
    const harness = new OperatorHarness(windowOperator({ assigner: globalWindow(), trigger: onInterval(millis(5)), contents: list }));
    harness.record("a", 1, noTimestamp);
    harness.watermark(0);
    expect(values(harness)).toEqual([]);
    harness.record("a", 2, 3);
    harness.watermark(9);
    expect(values(harness)).toEqual([[1, 2]]);
  });

  it("are all kept by what keeps recent ones, unless some have a timestamp", () => {
    const harness = new OperatorHarness(
      windowOperator({ assigner: globalWindow(), trigger: onCount(2), evictor: keepRecent(millis(5)), contents: list }),
    );
    for (const n of [1, 2]) harness.record("a", n, noTimestamp);
    expect(values(harness)).toEqual([[1, 2]]);
    harness.record("b", 1, 0);
    expect(() => harness.record("b", 2, noTimestamp)).toThrow("records with a timestamp and of records without one");
  });
});
