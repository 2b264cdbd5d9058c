import { StepError, TopologyError } from "../errors.ts";
import type { AfterMatch } from "./after_match.ts";
import { afterMatch } from "./match_options.ts";
import { type BuiltPattern, buildPattern } from "./pattern.ts";
import { conditionOf, invalid, list, object, refuseOthers, shown } from "./pattern_condition.ts";
import type { PatternData } from "./pattern_data.ts";

/** A pattern as data that was understood. */
export interface ReadPattern {
  readonly version: number;
  readonly drops: boolean;
  readonly pattern: BuiltPattern<unknown, any>;
  readonly after: AfterMatch;
}

/** Reads `PatternData`. Throws TopologyError PATTERN_INVALID, which says what is wrong and where, when it is none or such a pattern cannot be. */
export const readPattern = (data: unknown): ReadPattern => {
  const { version, onChange = "finish", steps, within, skip = "none", ...rest } = object(data, "it");
  refuseOthers(rest, "it");
  if (!Number.isSafeInteger(version) || (version as number) < 1)
    throw invalid(`version is ${shown(version)}: give a whole number from 1 on`);
  if (onChange !== "finish" && onChange !== "drop") throw invalid(`onChange is ${shown(onChange)}: say "finish" or "drop"`);
  const names = new Set(namesIn(steps, "steps"));
  const pattern = buildPattern<unknown, any>((start) => {
    const written = write(start, steps, "steps", names);
    return within === undefined ? written : written.within(number(within, "within"));
  });
  if (typeof skip !== "string") object(skip, "skip");
  return { version: version as number, drops: onChange === "drop", pattern, after: afterMatch(pattern.spec, skip as PatternData["skip"]) };
};

/**
 * The same pattern, when `matchPatterns` can use it; so that what cannot be used is refused where it comes from, once, and not in every task.
 *
 * Throws StepError, which says what is wrong and where.
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { checkPattern } from "millrace";
 *
 * const data = { version: 1, steps: [{ name: "large", where: { ">": [{ field: "amount" }, 1000] } }] };
 * assert.equal(checkPattern(data), data);
 * assert.throws(() => checkPattern({ version: 1, steps: [] }), /steps is \[\]: give a list that is not empty/);
 * ```
 */
export const checkPattern = (data: unknown): PatternData => {
  readToldPattern(data);
  return data as PatternData;
};

/** As `readPattern`; but what is wrong is a fault of the record, and the policy for errors says what becomes of it. */
export const readToldPattern = (data: unknown): ReadPattern => {
  try {
    return readPattern(data);
  } catch (error) {
    if (error instanceof TopologyError) throw new StepError(error.message, { cause: error });
    throw error;
  }
};

/** The steps that take events. */
const namesIn = (steps: unknown, at: string): readonly string[] =>
  list(steps, at).flatMap((step, i) => {
    const place = `${at}[${i}]`;
    const { name, group, follow } = object(step, place);
    if (group !== undefined) return namesIn(group, `${place}.group`);
    if (typeof name !== "string") throw invalid(`${place}.name is ${shown(name)}: give the step a name, or make it a group`);
    return follow === "notNext" || follow === "notFollowedBy" ? [] : [name];
  });

const follows = ["begin", "next", "followedBy", "followedByAny", "notNext", "notFollowedBy"];

// Patterns are data here, so the builder is used without its types; it refuses what makes no sense.
const write = (start: any, steps: unknown, at: string, names: ReadonlySet<string>): any => {
  let pattern = start;
  for (const [i, step] of list(steps, at).entries()) {
    const place = `${at}[${i}]`;
    const { follow = i === 0 ? "begin" : "followedBy", name, where, group, loop, optional = false, within, ...rest } = object(step, place);
    refuseOthers(rest, place);
    if (!follows.includes(follow as string)) throw invalid(`${place}.follow is ${shown(follow)}: give one of ${follows.join(" ")}`);
    if ((i === 0) !== (follow === "begin"))
      throw invalid(`${place}.follow is ${shown(follow)}: the first step, and only that, has "begin"`);
    if (group !== undefined && (name !== undefined || where !== undefined || (follow as string).startsWith("not")))
      throw invalid(`${place} is a group and has a name, a condition or a "not": these belong to its steps`);
    pattern =
      group === undefined
        ? pattern[follow as string](name, test(where, `${place}.where`, names))
        : pattern[follow as string]((inner: unknown) => write(inner, group, `${place}.group`, names));
    if (loop !== undefined) pattern = repeat(pattern, loop, `${place}.loop`, names);
    if (flag(optional, `${place}.optional`)) pattern = pattern.optional();
    if (within !== undefined) pattern = pattern.within(number(within, `${place}.within`), "neighbours");
  }
  return pattern;
};

const repeat = (pattern: any, loop: unknown, at: string, names: ReadonlySet<string>): any => {
  const { min = 1, max, greedy = false, consecutive = false, combinations = false, until, within, ...rest } = object(loop, at);
  refuseOthers(rest, at);
  return pattern.times(
    { min: number(min, `${at}.min`), ...(max === undefined ? {} : { max: number(max, `${at}.max`) }) },
    {
      greedy: flag(greedy, `${at}.greedy`),
      consecutive: flag(consecutive, `${at}.consecutive`),
      combinations: flag(combinations, `${at}.combinations`),
      ...(until === undefined ? {} : { until: test(until, `${at}.until`, names) }),
      ...(within === undefined ? {} : { within: number(within, `${at}.within`) }),
    },
  );
};

const test = (condition: unknown, at: string, names: ReadonlySet<string>): unknown => {
  if (condition === undefined) return undefined;
  const holds = conditionOf(condition, at, names);
  // What a condition asks of the steps is said in words that stand in the data.
  if (/"(count|step)"/.test(JSON.stringify(condition))) return (event: unknown, _soFar: unknown, taken: any) => holds(event, taken);
  return (event: unknown) => holds(event, {});
};

const number = (value: unknown, at: string): number => {
  if (typeof value !== "number") throw invalid(`${at} is ${shown(value)}: give a number`);
  return value;
};

const flag = (value: unknown, at: string): boolean => {
  if (typeof value !== "boolean") throw invalid(`${at} is ${shown(value)}: say true or false`);
  return value;
};
