import { type Duration, millis, type TakenSoFar } from "millrace";
import { condition, type Event, taken } from "./condition.ts";
import { type Element, type Job, lateElement, type Shown } from "./shapes.ts";

export const patternJob = (job: any): Job => {
  const { pattern, comparator, keyed = true, time = "event", sideOutputLate } = job;
  return {
    inputs: ["in1"],
    describe: ({ in1 }) => {
      // Patterns are data here, so they are written with the builder as it is without its types.
      const found: any = (keyed ? in1!.keyBy() : in1!.single()).match(
        "match",
        ((start: any) => within(steps(start, pattern.steps), pattern.within)) as any,
        {
          skip: skipOf(pattern.skip),
          time,
          ...(comparator === undefined
            ? {}
            : {
                order: (a: Element, b: Element) => (a.value[comparator.field] - b.value[comparator.field]) * (comparator.desc ? -1 : 1),
              }),
        } as any,
      );
      const shown = (match: Record<string, unknown>, { timestamp }: { readonly timestamp: number }): Shown => ({
        value: {
          key: elementsOf(match).at(-1)?.key ?? null,
          match: idsOf(match),
          ctxTimestamp: Number.isFinite(timestamp) ? timestamp : 2 ** 63,
        },
        untimed: time === "processing",
      });
      return {
        out: found.map(shown),
        timeouts: found.side.timedOut.map(shown),
        ...(sideOutputLate ? { late: found.side.late.map(lateElement) } : {}),
      };
    },
  };
};

const eventCondition = (text: string) => {
  const test = condition(text);
  return ({ value }: Element, _soFar: unknown, taken: TakenSoFar<Element>): boolean =>
    test(
      value as Event,
      Object.fromEntries(Object.entries(taken).map(([name, elements]) => [name, elements.map((element) => element.value)])),
    );
};

const whereOf = (step: any) => {
  if (step.where === undefined && step.or === undefined) return undefined;
  const all = [step.where ?? []].flat().map(eventCondition);
  const or = (step.or ?? []).map(eventCondition);
  return (element: Element, soFar: unknown, taken: TakenSoFar<Element>) =>
    (all.length > 0 && all.every((test) => test(element, soFar, taken))) ||
    or.some((test: ReturnType<typeof eventCondition>) => test(element, soFar, taken));
};

const steps = (start: any, described: readonly any[]): any => {
  let pattern = start;
  for (const step of described) {
    pattern = pattern[step.contiguity](
      ...(step.group === undefined ? [step.name, whereOf(step)] : [(inner: unknown) => steps(inner, step.group.steps)]),
    );
    const { type = "one", n, from, to, within: between, optional, greedy, consecutive, allowCombinations } = step.quantifier ?? {};
    const options = {
      ...(between === undefined ? {} : { within: millis(between) }),
      ...(step.until === undefined ? {} : { until: eventCondition(step.until) }),
      greedy: greedy ?? false,
      consecutive: consecutive ?? false,
      combinations: allowCombinations ?? false,
    };
    // What is said of loops can be said nowhere else in the library's language: the compiler refuses it as Flink does when it builds the pattern.
    if (type === "one" && (step.until !== undefined || greedy || consecutive || allowCombinations))
      throw new Error(`Step '${step.name}' is no loop: "until", "greedy", "consecutive" and "combinations" are options of loops`);
    // The library also takes "none or more" for this.
    if (type === "timesOrMore" && n < 1) throw new Error(`Cannot repeat step '${step.name}' ${n} times or more`);
    if (type === "oneOrMore") pattern = pattern.oneOrMore(options);
    if (type === "timesOrMore") pattern = pattern.times({ min: n }, options);
    if (type === "times") pattern = pattern.times(n ?? { min: from, max: to }, options);
    if (optional) pattern = pattern.optional();
    pattern = within(pattern, step.within);
  }
  return pattern;
};

const within = (pattern: any, limit: { readonly ms: number; readonly type: string } | undefined): any =>
  limit === undefined
    ? pattern
    : pattern.within(limit.ms as Duration, limit.type === "PREVIOUS_AND_CURRENT" ? "neighbours" : "first-and-last");

const skipOf = (skip: any): unknown => {
  const orFail = skip?.throwOnMiss ?? false;
  switch (skip?.type) {
    case "skipToNext":
      return "to-next";
    case "skipPastLastEvent":
      return "past-last";
    case "skipToFirst":
      return { toFirst: skip.name, orFail };
    case "skipToLast":
      return { toLast: skip.name, orFail };
    default:
      return "none";
  }
};

const elementsOf = (match: Record<string, unknown>): readonly Element[] =>
  Object.values(match).flatMap((elements) => taken<Element>(elements));

const idsOf = (match: Record<string, unknown>): Record<string, readonly number[]> =>
  Object.fromEntries(
    Object.entries(match)
      .map(([name, elements]) => [name, taken<Element>(elements).map(({ value }) => value.id as number)] as const)
      .filter(([, ids]) => ids.length > 0),
  );
