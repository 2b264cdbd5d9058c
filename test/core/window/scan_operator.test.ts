import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { average, maxBy, minBy, sum } from "../../../core/state/aggregator.ts";
import { scanOperator } from "../../../core/window/scan_operator.ts";
import { OperatorHarness } from "../../support/operator_harness.ts";

describe("a scan", () => {
  it("gives the aggregate of a key so far for each record, with the record's own timestamp", () => {
    const harness = new OperatorHarness(scanOperator(average<number>((n) => n)));
    harness.record("a", 1, 7);
    harness.record("b", 5, 3);
    harness.restart();
    harness.record("a", 2, 5);
    expect(harness.take()).toEqual([
      { key: "a", value: 1, timestamp: 7 },
      { key: "b", value: 5, timestamp: 3 },
      { key: "a", value: 1.5, timestamp: 5 },
    ]);
  });

  it("keeps one value per key", () => {
    const harness = new OperatorHarness(scanOperator(sum<number>((n) => n)));
    for (let i = 0; i < 100; i++) harness.record(`k${i % 3}`, i, i);
    harness.commit();
    expect(harness.store.approximateEntries).toBe(3);
    expect(harness.changelog.length).toBe(3);
  });

  it("is a fold over the records of each key, wherever it is restarted", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom("a", "b"), fc.integer(), fc.boolean()), { maxLength: 30 }), (records) => {
        const harness = new OperatorHarness(scanOperator(maxBy<number>((n) => n)));
        const most = new Map<string, number>();
        for (const [key, n, restarts] of records) {
          if (restarts) harness.restart();
          harness.record(key, n, 0);
          most.set(key, Math.max(n, most.get(key) ?? n));
          expect(harness.take()).toEqual([{ key, value: most.get(key), timestamp: 0 }]);
        }
      }),
    );
  });

  it("keeps an accumulator that is undefined", () => {
    const harness = new OperatorHarness(scanOperator(minBy<number | undefined>((n) => n ?? 0)));
    harness.record("a", undefined, 0);
    harness.restart();
    harness.record("a", 1, 0);
    expect(harness.take().map(({ value }) => value)).toEqual([undefined, 1]);
  });

  it("drops and counts records without a key, but takes them where all records are of one", () => {
    for (const single of [false, true]) {
      const harness = new OperatorHarness(
        scanOperator(
          sum<number>((n) => n),
          { single },
        ),
      );
      harness.record(null, 2, 0);
      harness.record("a", 3, 0);
      expect(harness.take().map(({ value }) => value)).toEqual(single ? [2, 5] : [3]);
      expect(harness.counters.get("dropped_null_key")).toBe(single ? undefined : 1);
    }
  });
});
