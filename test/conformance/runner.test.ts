import { describe, expect, it } from "@jest/globals";
import { check } from "./check.ts";
import { differences } from "./compare.ts";
import type { Outcome } from "./vector.ts";

const outcome = (out: Outcome["out"], more: Partial<Outcome> = {}): Outcome => ({ out, late: [], timeouts: [], ...more });
const at = (step: number, value: unknown, timestamp: number | null = null) => ({ step, timestamp, value });

describe("outcomes are compared", () => {
  it("in their order, where all of it is defined", () => {
    expect(differences("total", outcome([at(1, "a"), at(1, "b")]), outcome([at(1, "b"), at(1, "a")]))).toHaveLength(2);
    expect(differences("total", outcome([at(1, "a")]), outcome([at(1, "a")]))).toEqual([]);
  });

  it("within what belongs together, where keys or windows do not come in any order", () => {
    const one = [at(1, { key: "a", n: 1 }), at(1, { key: "b", n: 2 }), at(1, { key: "a", n: 3 })];
    const other = [at(1, { key: "b", n: 2 }), at(1, { key: "a", n: 1 }), at(1, { key: "a", n: 3 })];
    expect(differences("perKey", outcome(one), outcome(other))).toEqual([]);
    expect(differences("perKey", outcome(one), outcome([one[2]!, one[1]!, one[0]!]))).toHaveLength(2);
    expect(
      differences("perKeyAndWindow", outcome([at(1, { key: "a", start: 0 }, 9)]), outcome([at(1, { key: "a", start: 10 }, 9)])),
    ).toHaveLength(2);
  });

  it("without any order, where there is none", () => {
    const [a, b] = [at(1, { key: "k", id: 1 }, 5), at(1, { key: "k", id: 2 }, 5)];
    expect(differences("perKeyTimestampMultiset", outcome([a, b]), outcome([b, a]))).toEqual([]);
    expect(differences("perStepMultiset", outcome([a, a]), outcome([a]))).toEqual([
      { list: "out", step: 1, expected: a, actual: undefined },
    ]);
  });

  it("by value: the order of fields means nothing, and numbers are doubles", () => {
    expect(differences("total", outcome([at(1, { a: 1, b: [2] })]), outcome([at(1, { b: [2], a: 1 })]))).toEqual([]);
    expect(differences("total", outcome([at(1, JSON.parse("9223372036854775807"))]), outcome([at(1, 2 ** 63)]))).toEqual([]);
  });

  it("with their watermarks and errors, the earliest difference first", () => {
    const watermarks = [{ step: 3, watermark: 5 }];
    const found = differences("total", outcome([at(4, 1)], { watermarks, error: { step: 7 } }), outcome([], { watermarks: [] }));
    expect(found.map(({ list, step }) => [list, step])).toEqual([
      ["watermarks", 3],
      ["out", 4],
      ["error", 7],
    ]);
    // What Flink's harness did not record is not compared.
    expect(differences("total", outcome([]), outcome([], { watermarks }))).toEqual([]);
  });
});

describe("a vector", () => {
  const vector = {
    name: "sum",
    engine: "flink 2.3.0",
    ordering: "total",
    job: { op: "rolling", fn: "sum", field: "amount" },
    inputs: [{ element: { key: "a", value: { amount: 2 }, timestamp: 1 } }],
  };
  const out = [{ step: 0, timestamp: 1, value: { key: "a", value: { amount: 2 } } }];

  it("gives what came out where it says nothing of what should", async () => {
    expect(await check(vector)).toEqual({ name: "sum", got: outcome(out), failure: undefined });
  });

  it("fails with the first difference, in words", async () => {
    const { failure } = await check({ ...vector, expected: outcome([at(0, 7, 1)]) } as typeof vector);
    expect(failure).toBe(
      'out differs first at step 0\n  expected {"step":0,"timestamp":1,"value":7}\n  actual   {"step":0,"timestamp":1,"value":{"key":"a","value":{"amount":2}}}',
    );
  });

  it("of an engine that nothing here understands fails with a clear word", async () => {
    const { failure } = await check({ ...vector, engine: "other 1.0" });
    expect(failure).toContain("Nothing here understands vectors of the engine 'other'");
  });
});
