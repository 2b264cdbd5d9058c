import { describe, expect, it } from "@jest/globals";
import { matchOperator } from "../../../core/cep/match_operator.ts";
import { matchParameters } from "../../../core/cep/match_options.ts";
import { buildPattern, type PatternStart, type PatternTail } from "../../../core/cep/pattern.ts";
import { millis, minutes } from "../../../core/duration.ts";
import { TopologyError } from "../../../core/errors.ts";

interface Tx {
  readonly amount: number;
  readonly card: string;
}

/** What a pattern is refused with. The types would refuse some of them before, so it is written without. */
const refusal = (write: (start: any) => unknown): string => {
  try {
    buildPattern(write as (start: PatternStart<Tx>) => PatternTail<Tx, unknown>);
  } catch (error) {
    expect(error).toBeInstanceOf(TopologyError);
    expect((error as TopologyError).code).toBe("PATTERN_INVALID");
    return (error as TopologyError).message;
  }
  throw new Error("The pattern was not refused");
};

describe("pattern", () => {
  it("says in words what it looks for, and which options tell it apart", () => {
    const pattern = buildPattern<Tx, unknown>(({ begin }) =>
      begin("small", (tx) => tx.amount < 10)
        .oneOrMore({ greedy: true, consecutive: true })
        .next("even")
        .next("odd")
        .optional()
        .followedByAny((g) => g.begin("x").notFollowedBy("y").followedBy("z"))
        .times({ min: 2, max: 4 }, { combinations: true })
        .followedBy("large", (tx) => tx.amount > 1000)
        .within(millis(7), "neighbours")
        .within(minutes(5)),
    );
    const steps =
      "begin small 1 or more times greedy consecutive, next even, next odd optional, followedByAny (begin x, notFollowedBy y, followedBy z) 2 to 4 times combinations, followedBy large after less than 7 ms";
    expect(pattern.parameters).toEqual({ steps, within: 300_000 });
    expect(matchParameters(pattern, { skip: { toFirst: "large", orFail: true } })).toEqual({
      steps,
      within: 300_000,
      skip: "to-first large or fail",
      ordered: false,
      time: "event",
    });
    expect(pattern.spec.steps).toEqual([
      { name: "small", shape: "loop" },
      { name: "even", shape: "one" },
      { name: "odd", shape: "optional" },
      { name: "x", shape: "loop" },
      { name: "z", shape: "loop" },
      { name: "large", shape: "one" },
    ]);
  });

  it("takes the smallest time of its steps, and of a step the one that was said last", () => {
    const withinOf = (write: (start: PatternStart<Tx>) => PatternTail<Tx, unknown>) => buildPattern(write).automaton.withinMs;
    expect(withinOf(({ begin }) => begin("a").within(millis(9)).next("b").within(millis(5)).next("c").within(millis(7)))).toBe(5);
    expect(withinOf(({ begin }) => begin("a").within(millis(5)).within(millis(9)))).toBe(9);
    expect(withinOf(({ begin }) => begin("a"))).toBe(Number.POSITIVE_INFINITY);
  });

  it("can be gone on with in several ways, as each call gives a new one", () => {
    buildPattern<Tx, unknown>(({ begin }) => {
      const a = begin("a");
      a.next("b").within(millis(1));
      const pattern = a.next("b").optional();
      expect(pattern).not.toBe(a);
      return pattern;
    });
    const { spec } = buildPattern<Tx, unknown>(({ begin }) => {
      const a = begin("a");
      a.next("elsewhere", (tx) => tx.amount > 3).oneOrMore();
      return a.next("b", (tx) => tx.amount > 5);
    });
    expect(spec.steps.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(spec.predicates).toHaveLength(1);
  });

  it("shows a condition only what it declares to look at", () => {
    const { predicates } = buildPattern<Tx, unknown>(({ begin }) =>
      begin("a", (tx) => tx.amount > 1).next("b", (tx, { a }) => tx.amount > a.amount),
    ).spec;
    expect(predicates.map(({ asks, sees }) => asks && sees)).toEqual([
      false,
      [
        { step: 0, shape: "one" },
        { step: 1, shape: "loop" },
      ],
    ]);
  });

  it("has types for what a match and a condition hold", () => {
    buildPattern(({ begin }: PatternStart<Tx>) =>
      begin("fails", (tx, { fails }) => fails.every(({ amount }) => amount <= tx.amount))
        .oneOrMore({ until: (tx, { fails }) => fails.length > tx.amount })
        .followedBy("login", (tx, { fails }) => tx.amount > fails.length)
        .optional()
        // @ts-expect-error an optional step may have taken nothing
        .followedBy("buy", (tx, { login }) => tx.amount > login.amount),
    );
    const pattern = buildPattern(({ begin }: PatternStart<Tx>) => begin("a").times(2).next("b").optional().next("c"));
    const match = (found: NonNullable<typeof pattern.matched>): number => found.a.length + (found.b?.amount ?? 0) + found.c.amount;
    expect(match({ a: [], b: undefined, c: { amount: 2, card: "x" } })).toBe(2);
    // @ts-expect-error a pattern knows only its names
    void ((found: NonNullable<typeof pattern.matched>) => found.d);
    // @ts-expect-error a step that takes nothing cannot be repeated
    void (({ begin }: PatternStart<Tx>) => begin("a").notNext("n").oneOrMore());
    // @ts-expect-error there is no such step to skip to
    expect(() => matchOperator(pattern, { skip: { toFirst: "d" } })).toThrow(
      "Cannot skip to 'd', as the pattern has no such step outside of its groups: it has 'a', 'b', 'c'",
    );
  });

  const refused: readonly (readonly [reason: string, write: (start: any) => unknown])[] = [
    ["two steps called 'a'", ({ begin }) => begin("a").next("a")],
    ["two steps called 'a'", ({ begin }) => begin("a").notNext("a").next("b")],
    ["two steps called 'a'", ({ begin }) => begin("a").next((g: any) => g.begin("a"))],
    ["empty name", ({ begin }) => begin("")],
    ["'__proto__'", ({ begin }) => begin("__proto__")],
    ["0 ms in within()", ({ begin }) => begin("a").within(0)],
    ["-5 ms in within()", ({ begin }) => begin("a").within(-5)],
    ["Infinity ms in within()", ({ begin }) => begin("a").within(Number.POSITIVE_INFINITY)],
    ["between 'others'", ({ begin }) => begin("a").within(5, "others")],
    ["end a pattern with notFollowedBy('n') without a time", ({ begin }) => begin("a").notFollowedBy("n")],
    ["begin a pattern with notNext('n')", (start) => start.notNext("n")],
    ["call next() before begin()", (start) => start.next("n")],
    ["begin() in the middle", ({ begin }) => begin("a").begin("b")],
    ["behind 'a', as that may be left out", ({ begin }) => begin("a").optional().notNext("n").next("b")],
    ["Cannot make 'b' optional behind a greedy loop", ({ begin }) => begin("a").oneOrMore({ greedy: true }).next("b").optional()],
    ["everything may be left out", ({ begin }) => begin((g: any) => g.begin("a").optional()).oneOrMore()],
    ["apply a repetition to 'n'", ({ begin }) => begin("a").notNext("n").oneOrMore()],
    ["apply optional() to 'n'", ({ begin }) => begin("a").notNext("n").optional()],
    ["Cannot repeat 'a' twice", ({ begin }) => begin("a").oneOrMore().times(2)],
    ["Cannot make 'a' optional twice", ({ begin }) => begin("a").times({ min: 0 }).optional()],
    ["Cannot repeat 'a' 0 times", ({ begin }) => begin("a").times(0)],
    ["Cannot repeat 'a' 1.5 times", ({ begin }) => begin("a").times(1.5)],
    ["Cannot repeat 'a' 3 to 2 times", ({ begin }) => begin("a").times({ min: 3, max: 2 })],
    ["Cannot repeat 'a' 0 to 0 times", ({ begin }) => begin("a").times({ min: 0, max: 0 })],
    ['"consecutive" and "combinations"', ({ begin }) => begin("a").oneOrMore({ consecutive: true, combinations: true })],
    ["two neighbours 9 ms in a pattern that has 5 ms as a whole", ({ begin }) => begin("a").next("b").within(9, "neighbours").within(5)],
    ["two neighbours 9 ms in a pattern that has 5 ms as a whole", ({ begin }) => begin("a").times(2, { within: 9 }).within(5)],
    ['a group with "greedy"', ({ begin }) => begin((g: any) => g.begin("a")).oneOrMore({ greedy: true })],
    ['"until", as it ends after 2 times anyway', ({ begin }) => begin("a").times(2, { until: () => true })],
    ['0 ms in the option "within"', ({ begin }) => begin("a").times(2, { within: 0 })],
    ["made by the begin() that its function is given", ({ begin }) => begin("a").next(() => begin("b"))],
    ["made by the begin() that its function is given", ({ begin }) => begin("a").next((g: any) => g)],
    ["condition of 'a' is no function", ({ begin }) => begin("a", "x > 3")],
    ["made by begin()", () => "a"],
    ["has to begin with begin()", (start) => start],
  ];
  for (const [i, [reason, write]] of refused.entries())
    it(`is refused with a reason (${i + 1}): ${reason}`, () => {
      expect(refusal(write)).toContain(reason);
    });
});
