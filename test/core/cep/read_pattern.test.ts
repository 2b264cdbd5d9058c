import { describe, expect, it } from "@jest/globals";
import { conditionOf } from "../../../core/cep/pattern_condition.ts";
import type { PatternCondition, PatternData } from "../../../core/cep/pattern_data.ts";
import { readPattern } from "../../../core/cep/read_pattern.ts";
import { TopologyError } from "../../../core/errors.ts";

const refusal = (data: unknown): string => {
  try {
    readPattern(data);
  } catch (error) {
    expect(error).toBeInstanceOf(TopologyError);
    expect((error as TopologyError).code).toBe("PATTERN_INVALID");
    return (error as TopologyError).message;
  }
  throw new Error("The pattern was not refused");
};

describe("a pattern as data", () => {
  it("says what the builder says", () => {
    const data: PatternData = {
      version: 4,
      onChange: "drop",
      within: 300_000,
      skip: { toFirst: "large", orFail: true },
      steps: [
        { name: "small", where: { "<": [{ field: "amount" }, 10] }, loop: { greedy: true, consecutive: true } },
        { name: "even", follow: "next" },
        {
          follow: "followedByAny",
          group: [{ name: "x" }, { name: "y", follow: "notFollowedBy" }, { name: "z" }],
          loop: { min: 2, max: 4 },
        },
        { name: "large", where: { ">": [{ field: "amount" }, 1000] }, within: 7, optional: true },
      ],
    };
    const { version, drops, after, pattern } = readPattern(JSON.parse(JSON.stringify(data)));
    expect([version, drops]).toEqual([4, true]);
    expect(after).toEqual({ kind: "to-first", step: 4, name: "large", orFail: true });
    expect(pattern.parameters).toEqual({
      steps:
        "begin small 1 or more times greedy consecutive, next even, followedByAny (begin x, notFollowedBy y, followedBy z) 2 to 4 times, followedBy large optional after less than 7 ms",
      within: 300_000,
    });
  });

  const step = { name: "a" };
  for (const [i, [reason, data]] of (
    [
      ["it is null: give an object", null],
      ["it is [1]: give an object", [1]],
      ["it has a field 'stepz'", { version: 1, steps: [step], stepz: [] }],
      ["version is 1.5", { version: 1.5, steps: [step] }],
      ["version is undefined", { steps: [step] }],
      ['onChange is "keep"', { version: 1, onChange: "keep", steps: [step] }],
      ["steps is []", { version: 1, steps: [] }],
      ["steps is undefined", { version: 1 }],
      ["steps[0].name is undefined", { version: 1, steps: [{}] }],
      ["steps[0] has a field 'wehre'", { version: 1, steps: [{ name: "a", wehre: true }] }],
      ['steps[1].follow is "after"', { version: 1, steps: [step, { name: "b", follow: "after" }] }],
      ['steps[0].follow is "next"', { version: 1, steps: [{ name: "a", follow: "next" }] }],
      ['steps[1].follow is "begin"', { version: 1, steps: [step, { name: "b", follow: "begin" }] }],
      ["steps[0] is a group and has a name", { version: 1, steps: [{ name: "a", group: [step] }] }],
      ["steps[0].group[0].name is 3", { version: 1, steps: [{ group: [{ name: 3 }] }] }],
      [
        "Cannot apply a repetition to 'n', which takes no event",
        { version: 1, steps: [step, { name: "n", follow: "notNext", loop: {} }, { name: "b" }] },
      ],
      ['steps[0].loop.min is "2"', { version: 1, steps: [{ name: "a", loop: { min: "2" } }] }],
      ['steps[0].loop.greedy is "yes"', { version: 1, steps: [{ name: "a", loop: { greedy: "yes" } }] }],
      ["steps[0].optional is 1", { version: 1, steps: [{ name: "a", optional: 1 }] }],
      ['within is "1h"', { version: 1, steps: [step], within: "1h" }],
      ["Cannot use -1 ms", { version: 1, steps: [step], within: -1 }],
      ["two steps called 'a'", { version: 1, steps: [step, step] }],
      ["more than 10000 rounds", { version: 1, steps: [{ name: "a", loop: { min: 1e9, max: 1e9 } }] }],
      ["Cannot skip 'all' after a match", { version: 1, steps: [step], skip: "all" }],
      ["no such step outside of its groups", { version: 1, steps: [step], skip: { toLast: "b" } }],
      ["skip is 7", { version: 1, steps: [step], skip: 7 }],
      ["steps[0].where is {}: give one of == ", { version: 1, steps: [{ name: "a", where: {} }] }],
      ['steps[0].where is "x > 1"', { version: 1, steps: [{ name: "a", where: "x > 1" }] }],
      ["steps[0].where.and is true: give a list", { version: 1, steps: [{ name: "a", where: { and: true } }] }],
      [
        "steps[0].where.not.or[0].==[0].field is 3",
        { version: 1, steps: [{ name: "a", where: { not: { or: [{ "==": [{ field: 3 }, 1] }] } } }] },
      ],
      [
        "steps[0].where.==[0].count names \"b\", which takes no event: there are 'a'",
        { version: 1, steps: [{ name: "a", where: { "==": [{ count: "b" }, 1] } }] },
      ],
      [
        "steps[0].where.==[0].sum.step names undefined",
        { version: 1, steps: [{ name: "a", where: { "==": [{ sum: { field: "x" } }, 1] } }] },
      ],
      ['steps[0].where.==[1] is {"js":"1"}', { version: 1, steps: [{ name: "a", where: { "==": [1, { js: "1" }] } }] }],
    ] as const
  ).entries())
    it(`is refused with a reason and a place (${i + 1}): ${reason}`, () => {
      expect(refusal(data)).toContain(reason);
    });
});

describe("a condition as data", () => {
  const taken = { a: [{ x: 3, s: "p" }, { x: 5 }, { x: "no number" }], none: [] };
  const holds = (condition: PatternCondition): unknown =>
    conditionOf(condition, "where", new Set(Object.keys(taken)))({ x: 4, s: "q", deep: { y: 1 }, yes: true }, taken);
  const x = { field: "x" };

  for (const [expected, condition] of [
    [true, true],
    [true, { "<": [x, 5] }],
    [false, { "<": [x, 4] }],
    [true, { "<=": [x, 4] }],
    [true, { ">": [{ field: "s" }, "p"] }],
    [false, { ">": [{ field: "s" }, 1] }],
    [true, { "==": [{ field: "deep.y" }, 1] }],
    [true, { "==": [{ field: "yes" }, true] }],
    [false, { "==": [{ field: "deep.z" }, null] }],
    [false, { "!=": [{ field: "toString" }, 1] }],
    [true, { "!=": [x, "4"] }],
    [true, { and: [{ ">=": [x, 4] }, { not: { "==": [x, 5] } }] }],
    [false, { or: [false, { ">": [x, 4] }] }],
    [true, { "==": [{ count: "a" }, 3] }],
    [true, { "==": [{ "+": [{ sum: { step: "a", field: "x" } }, { "*": [2, { "-": [x, 3] }] }] }, 10] }],
    [true, { "==": [{ first: { step: "a", field: "x" } }, 3] }],
    [true, { "==": [{ last: { step: "a", field: "x" } }, "no number"] }],
    [true, { "==": [{ average: { step: "a", field: "x" } }, { "/": [x, 1] }] }],
    [true, { ">": [{ max: { step: "a", field: "x" } }, { min: { step: "a", field: "x" } }] }],
    [true, { "==": [{ sum: { step: "none", field: "x" } }, 0] }],
    [false, { "<": [{ min: { step: "none", field: "x" } }, 1] }],
    [false, { "==": [{ "+": [x, "1"] }, 5] }],
  ] as const satisfies readonly (readonly [boolean, PatternCondition])[])
    it(`${JSON.stringify(condition)} is ${expected}`, () => {
      expect(holds(condition)).toBe(expected);
    });
});
