import { describe, expect, it } from "@jest/globals";
import { TimeGraph } from "../../../core/runtime/time_graph.ts";

/** A union of two inputs, a step behind it, and one that joins both inputs at ports of its own. */
const graph = (): TimeGraph => {
  const step = (...ports: readonly (readonly ({ readonly input: number } | { readonly node: number; readonly output: string })[])[]) => ({
    ports,
    operator: undefined,
    eventTimers: () => undefined,
  });
  return new TimeGraph([step([{ input: 0 }, { input: 1 }]), step([{ node: 0, output: "" }]), step([{ input: 0 }], [{ input: 1 }])], 2);
};
const said = (time: TimeGraph): readonly number[] => {
  time.advance(() => true);
  return [0, 1, 2].map((node) => time.finishedWatermarkOf(node));
};

describe("the event time of steps to which several edges lead", () => {
  // What was told before a restart was once told again after it, as an input that had been idle took time back to where it had fallen silent.
  it("does not fall at a restart when an input has not caught up that had been idle", () => {
    const before = graph();
    before.inputWatermark(0, 40);
    before.inputStatus(0, true);
    before.inputWatermark(1, 60);
    expect(said(before)).toEqual([60, 60, 60]);
    before.inputStatus(0, false);
    before.inputWatermark(0, 45);
    expect(said(before)).toEqual([60, 60, 60]);
    expect(before.joined).toEqual([60, 60]);
    const after = graph();
    after.restore(before.joined);
    after.inputWatermark(0, 45);
    after.inputWatermark(1, 60);
    expect(said(after)).toEqual([60, 60, 60]);
    after.inputWatermark(0, 70);
    after.inputWatermark(1, 80);
    expect(said(after)).toEqual([70, 70, 70]);
  });

  it("begins anew where what was committed is of another graph", () => {
    const time = graph();
    time.restore([60]);
    time.inputWatermark(0, 40);
    time.inputWatermark(1, 50);
    expect(said(time)).toEqual([40, 40, 40]);
  });
});
