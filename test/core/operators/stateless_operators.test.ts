import { describe, expect, it } from "@jest/globals";
import { filterOperator } from "../../../core/operators/filter_operator.ts";
import { flatMapOperator } from "../../../core/operators/flat_map_operator.ts";
import { mapOperator } from "../../../core/operators/map_operator.ts";
import type { OperatorFactory } from "../../../core/operators/operator.ts";
import { peekOperator } from "../../../core/operators/peek_operator.ts";
import { plainProcessOperator } from "../../../core/operators/plain_process_operator.ts";
import { rewriteOperator } from "../../../core/operators/rewrite_operator.ts";
import { output } from "../../../core/operators/side_output.ts";
import { splitOperator } from "../../../core/operators/split_operator.ts";
import { unionOperator } from "../../../core/operators/union_operator.ts";
import { RecordMeta } from "../../../core/record.ts";
import { operatorState } from "../../../core/state/descriptors.ts";
import { OperatorHarness } from "../../support/operator_harness.ts";

const values = (factory: OperatorFactory, ...inputs: readonly unknown[]): readonly unknown[] => {
  const harness = new OperatorHarness(factory);
  for (const [i, value] of inputs.entries()) harness.record("k", value, i);
  return harness.take().map(({ value }) => value);
};

describe("stateless operators", () => {
  it("map, filter and peek see value and record", () => {
    const seen: unknown[] = [];
    expect(
      values(
        mapOperator((v: number, { timestamp }) => v * 10 + timestamp),
        5,
        6,
      ),
    ).toEqual([50, 61]);
    expect(
      values(
        filterOperator((v: number) => v > 5),
        5,
        6,
        7,
      ),
    ).toEqual([6, 7]);
    expect(
      values(
        peekOperator((v, { key }) => seen.push([v, key])),
        5,
      ),
    ).toEqual([5]);
    expect(seen).toEqual([[5, "k"]]);
  });

  it("flatMap takes whatever can be walked", () => {
    const made = function* (n: number) {
      for (let i = 0; i < n; i++) yield i;
    };
    expect(
      values(
        flatMapOperator((v: number) => [v, -v]),
        1,
        2,
      ),
    ).toEqual([1, -1, 2, -2]);
    expect(values(flatMapOperator(made), 3, 0)).toEqual([0, 1, 2]);
    expect(
      values(
        flatMapOperator((v: number) => new Set([v, v])),
        3,
      ),
    ).toEqual([3]);
  });

  it("split sends a record to the first branch that holds, and what is left to rest", () => {
    const harness = new OperatorHarness(splitOperator<number>({ big: (v) => v > 10, even: (v) => v % 2 === 0 }));
    for (const v of [12, 2, 1]) harness.record("k", v, v);
    expect(["big", "even", "rest"].map((name) => harness.side(name).map(({ value }) => value))).toEqual([[12], [2], [1]]);
    expect(harness.take()).toEqual([]);
    expect(() => splitOperator({ rest: () => true })).toThrow("A branch cannot be called 'rest'");
  });

  it("union lets every port through", () => {
    const harness = new OperatorHarness(unionOperator(2));
    harness.record("a", 1, 1, 0);
    harness.record("b", 2, 2, 1);
    expect(harness.take().map(({ value }) => value)).toEqual([1, 2]);
  });

  it("rewrite changes key, timestamp and single headers, and leaves the rest as it was", () => {
    const out: unknown[] = [];
    const emit = (value: unknown, record: RecordMeta) =>
      out.push([value, record.key, record.timestamp, record.headers.text("a"), record.headers.text("b"), record.topic, record.offset]);
    const rewriting = (fn: Parameters<typeof rewriteOperator<number>>[0]) => {
      const { inputs } = rewriteOperator(fn)({ emit } as unknown as Parameters<OperatorFactory>[0]);
      inputs[0]!(1, new RecordMeta("k", 5, [["a", Uint8Array.of(65)]], "in", 3, 9));
      return out.splice(0);
    };
    expect(rewriting((value, { key }) => ({ key, value }))).toEqual([[1, "k", 5, "A", undefined, "in", 9]]);
    expect(rewriting((value) => ({ key: "x", value, timestamp: 7, headers: { a: undefined, b: "B" } }))).toEqual([
      [1, "x", 7, undefined, "B", "in", 9],
    ]);
    expect(rewriting((value) => [value, value + 1].map((n) => ({ key: n, value: n })))).toEqual([
      [1, 1, 5, "A", undefined, "in", 9],
      [2, 2, 5, "A", undefined, "in", 9],
    ]);
    expect(rewriting(() => undefined)).toEqual([]);
    expect(() => rewriting((value) => ({ key: 1, value, timestamp: Number.NaN }))).toThrow("A record cannot have the timestamp NaN");
  });

  it("a process without keys has state of its task, and side outputs", () => {
    const factory = plainProcessOperator({
      state: { recent: operatorState<number>() },
      side: { first: output<number>() },
      onRecord(value: number, { state, side }) {
        if (state.recent.get().length === 0) side.first(value);
        state.recent.set([...state.recent.get(), value].slice(-2));
        return [state.recent.get()];
      },
    });
    const harness = new OperatorHarness(factory);
    harness.record(null, 1, 1);
    harness.record("x", 2, 2);
    harness.commit();
    harness.record("x", 9, 2);
    harness.abort();
    harness.record(null, 3, 3);
    expect(harness.take().map(({ value }) => value)).toEqual([[1], [1, 2], [2, 9], [2, 3]]);
    expect(harness.side("first")).toEqual([{ key: null, value: 1, timestamp: 1 }]);
  });
});
