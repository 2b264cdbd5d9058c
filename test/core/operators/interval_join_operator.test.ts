import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { type IntervalJoin, intervalJoinOperator } from "../../../core/operators/interval_join_operator.ts";
import { OperatorHarness } from "../../support/operator_harness.ts";

type Join = Pick<IntervalJoin<unknown, unknown, unknown>, "lower" | "upper" | "latenessMs">;

const joining = (join: Join): OperatorHarness =>
  new OperatorHarness(intervalJoinOperator({ ...join, joiner: (left, right) => `${String(left)} ${String(right)}` }));

interface Kept {
  readonly input: number;
  readonly key: string;
  readonly at: number;
  readonly value: string;
}

/** The same in the plainest words: everything that is kept in one list, with a time at which each goes when the watermark comes to it. */
const naive = ({ lower, upper, latenessMs }: Join) => {
  let kept: Kept[] = [];
  let watermark = Number.NEGATIVE_INFINITY;
  const out: { readonly value: string; readonly key: string; readonly timestamp: number }[] = [];
  const late: string[] = [];
  return {
    out,
    late,
    record: (record: Kept): void => {
      if (record.at + latenessMs < watermark) {
        late.push(record.value);
        return;
      }
      const partners = kept.filter(({ input, key, at }) => {
        const apart = record.input === 0 ? at - record.at : record.at - at;
        return input !== record.input && key === record.key && apart >= lower && apart <= upper;
      });
      for (const { at, value } of partners.toSorted((one, other) => one.at - other.at)) {
        const pair = record.input === 0 ? `${record.value} ${value}` : `${value} ${record.value}`;
        out.push({ value: pair, key: record.key, timestamp: Math.max(at, record.at) });
      }
      kept.push(record);
    },
    watermark: (to: number): void => {
      watermark = to;
      kept = kept.filter(({ input, at }) => at + Math.max(0, input === 0 ? upper : -lower) + latenessMs > to);
    },
  };
};

describe("an interval join", () => {
  it("gives what the plainest join gives, in the same order, over commits and restarts", () => {
    const join = fc
      .record({ lower: fc.integer({ min: -4, max: 4 }), width: fc.integer({ min: 0, max: 5 }), latenessMs: fc.integer({ min: 0, max: 3 }) })
      .map(({ lower, width, latenessMs }): Join => ({ lower, upper: lower + width, latenessMs }));
    const command = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant("record" as const),
          input: fc.constantFrom(0, 1),
          key: fc.constantFrom("a", "b"),
          at: fc.integer({ min: 0, max: 20 }),
        }),
      },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant("watermark" as const), by: fc.integer({ min: 1, max: 4 }) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("commit" as const, "restart" as const) }) },
    );
    fc.assert(
      fc.property(join, fc.array(command, { maxLength: 80 }), (of, commands) => {
        const harness = joining(of);
        const model = naive(of);
        let watermark = -1;
        let number = 0;
        for (const one of commands) {
          if (one.kind === "record") {
            const value = `v${number++}`;
            harness.record(one.key, value, one.at, one.input);
            model.record({ ...one, value });
          } else if (one.kind === "watermark") {
            watermark += one.by;
            harness.watermark(watermark);
            model.watermark(watermark);
          } else if (one.kind === "commit") harness.commit();
          else {
            harness.restart();
            // What is opened again hears the watermark once more.
            if (watermark >= 0) model.watermark(watermark);
          }
        }
        expect(harness.take()).toEqual(model.out);
        const late = [...harness.side("lateLeft"), ...harness.side("lateRight")];
        expect(late.map(({ value }) => String(value)).sort()).toEqual(model.late.sort());
        harness.watermark(Number.POSITIVE_INFINITY);
        harness.commit();
        expect(harness.store.approximateEntries).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it("lets a record that comes when its time is just over find its partners until the watermark moves, and what was there before find none", () => {
    const harness = joining({ lower: 0, upper: 0, latenessMs: 0 });
    harness.record("a", "before", 10, 0);
    harness.watermark(10);
    harness.record("a", "on time", 10, 0);
    harness.record("a", "partner", 10, 1);
    expect(harness.take().map(({ value }) => value)).toEqual(["on time partner"]);
    harness.watermark(11);
    harness.record("a", "late", 10, 1);
    expect(harness.take()).toEqual([]);
    expect(harness.side("lateRight").map(({ value }) => value)).toEqual(["late"]);
  });

  it("keeps for ever what may have partners for ever", () => {
    const harness = joining({ lower: Number.NEGATIVE_INFINITY, upper: 0, latenessMs: 0 });
    harness.record("a", "right", 5, 1);
    harness.record("a", "left", 5, 0);
    harness.watermark(1_000_000);
    harness.restart();
    harness.record("a", "much later", 1_000_001, 0);
    expect(harness.take().map(({ value }) => value)).toEqual(["left right", "much later right"]);
    harness.watermark(Number.POSITIVE_INFINITY);
    harness.commit();
    expect(harness.store.approximateEntries).toBe(1);
  });
});
