import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import * as E from "fp-ts/lib/Either.js";
import { float64 } from "../../../core/serde/numbers.ts";
import { sameValue } from "../../../core/serde/same_value.ts";
import {
  type Aggregator,
  average,
  collect,
  combine,
  count,
  type FullAggregator,
  type MergingAggregator,
  maxBy,
  minBy,
  reducing,
  resultOf,
  sum,
  top,
} from "../../../core/state/aggregator.ts";

interface Payment {
  readonly id: number;
  readonly amount: number;
}
const amount = (payment: Payment): number => payment.amount;
const payments = fc.array(fc.record({ id: fc.nat(), amount: fc.integer({ min: -5, max: 5 }) }), { maxLength: 20 });

const all = {
  count: count<Payment>(),
  "count where": count<Payment>((payment) => payment.amount > 0),
  sum: sum(amount),
  average: average(amount),
  collect: collect<Payment>(),
  top: top<Payment>(3, amount),
  combine: combine({ n: count<Payment>(), total: sum(amount), all: collect<Payment>() }),
} satisfies Record<string, FullAggregator<Payment, any, unknown>>;
const merging: Record<string, MergingAggregator<Payment, any, unknown>> = {
  ...all,
  "minBy first": minBy(amount),
  "minBy last": minBy(amount, "last"),
  "maxBy first": maxBy(amount),
  "maxBy last": maxBy(amount, "last"),
  reducing: reducing<Payment>((a, b) => ({ id: a.id, amount: a.amount + b.amount })),
};

const fold = <A>(aggregator: Aggregator<Payment, A, unknown>, values: readonly Payment[], from: A = aggregator.init()): A =>
  values.reduce((acc, value) => aggregator.add(acc, value, "key"), from);

describe("aggregators", () => {
  for (const [name, aggregator] of Object.entries(merging))
    it(`${name}: merging two accumulators gives what adding all values to one gives`, () => {
      fc.assert(
        fc.property(payments, payments, (first, second) => {
          const merged = aggregator.merge(fold(aggregator, first), fold(aggregator, second));
          expect(resultOf(aggregator, merged)).toEqual(resultOf(aggregator, fold(aggregator, [...first, ...second])));
        }),
      );
    });

  for (const [name, aggregator] of Object.entries<FullAggregator<Payment, any, unknown>>(all))
    it(`${name}: a value that is taken back leaves no trace, also when it comes as a copy`, () => {
      fc.assert(
        fc.property(
          payments,
          fc.record({ id: fc.constant(-1), amount: fc.integer({ min: -5, max: 5 }) }),
          payments,
          (before, value, after) => {
            const with_ = fold(aggregator, [...before, value, ...after]);
            expect(resultOf(aggregator, aggregator.subtract(with_, { ...value }))).toEqual(
              resultOf(aggregator, fold(aggregator, [...before, ...after])),
            );
          },
        ),
      );
    });

  for (const [name, aggregator] of Object.entries(merging))
    it(`${name}: adding leaves the accumulator before as it was`, () => {
      fc.assert(
        fc.property(payments, payments, (first, second) => {
          const before = fold(aggregator, first);
          const copy = structuredClone(before);
          fold(aggregator, second, before);
          expect(before).toEqual(copy);
        }),
      );
    });

  it("minBy and maxBy give the first or the last of equals, and count NaN as larger than every number", () => {
    const values = [2, Number.NaN, 1, 3, 1, 3].map((n, id) => ({ id, amount: n }));
    const of = (aggregator: Aggregator<Payment, any, Payment>): number => resultOf(aggregator, fold(aggregator, values)).id;
    expect([minBy(amount), minBy(amount, "last"), maxBy(amount), maxBy(amount, "last")].map(of)).toEqual([2, 4, 1, 1]);
    const names = ["b", "a", "c"].map((name) => ({ name }));
    const least = minBy<{ name: string }>(({ name }) => name);
    expect(names.reduce((acc, value) => least.add(acc, value, null), least.init())).toEqual({ name: "a" });
  });

  it("top gives the largest first, and of equals the first that came", () => {
    const values = [3, 1, 3, 5, 2].map((n, id) => ({ id, amount: n }));
    const aggregator = top<Payment>(3, amount);
    expect(resultOf(aggregator, fold(aggregator, values)).map(({ id }) => id)).toEqual([3, 0, 2]);
  });

  it("the average of nothing is not a number", () => {
    expect(resultOf(average(amount), average(amount).init())).toBeNaN();
  });

  it("combine writes each part with the part's own serde where one has it", () => {
    const parts = { n: count<Payment>(), total: { ...sum(amount), serde: float64 } };
    const both = combine(parts);
    const bytes = both.serde!.serialize({ n: 2, total: 1.5 }, "");
    expect(both.serde!.deserialize(bytes, "")).toEqual(E.right({ n: 2, total: 1.5 }));
    expect(E.isLeft(both.serde!.deserialize(new Uint8Array([255, 0]), ""))).toBe(true);
    expect(combine({ n: count<Payment>() }).serde).toBeUndefined();
  });
});

describe("sameValue", () => {
  it("holds for a value and its copy, and for no two values that differ", () => {
    const value = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withNullPrototype: false,
    });
    fc.assert(fc.property(value, (one) => expect(sameValue(one, structuredClone(one))).toBe(true)));
    const different: readonly unknown[] = [
      0,
      "0",
      0n,
      null,
      undefined,
      true,
      [],
      {},
      new Map(),
      new Set(),
      new Uint8Array(1),
      new Int8Array(1),
      [0],
      { a: undefined },
      { b: undefined },
      new Map([[1, 2]]),
      new Set([1]),
      new ArrayBuffer(1),
      Number.NaN,
    ];
    for (const [i, a] of different.entries()) for (const [j, b] of different.entries()) expect(sameValue(a, b)).toBe(i === j);
  });
});
