import { describe, expect, it } from "@jest/globals";
import { millis } from "../../../core/duration.ts";
import { keepLast } from "../../../core/window/keep_last.ts";
import { session } from "../../../core/window/session.ts";
import { type WindowSpec, windowOperator } from "../../../core/window/window_operator.ts";
import { OperatorHarness } from "../../support/operator_harness.ts";

interface Visit {
  readonly id: number;
  readonly gap: number;
}

const ids = (visits: readonly Visit[]): readonly number[] => visits.map(({ id }) => id);

/** Three records of one moment, of which the last has a window that is just the session of the others. */
const run = (equal: "join" | "begin-anew", more: Partial<WindowSpec> = {}): OperatorHarness => {
  const harness = new OperatorHarness(
    windowOperator({
      assigner: session<Visit>({ gap: ({ gap }) => millis(gap), equal }),
      contents: { kind: "process", process: (visits) => [ids(visits as readonly Visit[])] },
      ...more,
    }),
  );
  harness.record("a", { id: 1, gap: 5 }, 0);
  harness.record("a", { id: 2, gap: 20 }, 0);
  harness.restart();
  harness.record("a", { id: 3, gap: 20 }, 0);
  harness.record("a", { id: 4, gap: 3 }, 1);
  harness.watermark(100);
  return harness;
};

describe("a session whose records have gaps of their own", () => {
  it("is joined by a record whose window is the very session", () => {
    expect(run("join").take()).toEqual([{ key: "a", value: [1, 2, 3, 4], timestamp: 19 }]);
  });

  it("begins anew with it where it is told to, and leaves nothing of the old one behind", () => {
    for (const more of [{}, { evictor: keepLast(10) }]) {
      const harness = run("begin-anew", more);
      expect(harness.take()).toEqual([{ key: "a", value: [3, 4], timestamp: 19 }]);
      harness.commit();
      expect(harness.store.approximateEntries).toBe(0);
    }
  });
});
