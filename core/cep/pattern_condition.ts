import { TopologyError } from "../errors.ts";

/** What an expression is worth for an event, given what the steps have taken. */
export type Expression = (event: unknown, taken: Readonly<Record<string, readonly unknown[]>>) => unknown;

/**
 * A `PatternCondition` as a function.
 * @param at where it stands, for messages
 * @param steps the names that it may ask for
 * Throws TopologyError PATTERN_INVALID when it is none.
 */
export const conditionOf = (data: unknown, at: string, steps: ReadonlySet<string>): Expression => {
  if (typeof data === "boolean") return () => data;
  const [operator, operands] = only(data, at, [...Object.keys(comparisons), "and", "or", "not"]);
  const place = `${at}.${operator}`;
  if (operator === "not") {
    const inner = conditionOf(operands, place, steps);
    return (event, taken) => !inner(event, taken);
  }
  if (operator === "and" || operator === "or") {
    const parts = list(operands, place).map((part, i) => conditionOf(part, `${place}[${i}]`, steps));
    return operator === "and"
      ? (event, taken) => parts.every((part) => part(event, taken))
      : (event, taken) => parts.some((part) => part(event, taken));
  }
  const [left, right] = pair(operands, place, steps);
  const compare = comparisons[operator]!;
  return (event, taken) => compare(left(event, taken), right(event, taken));
};

const worth = (data: unknown, at: string, steps: ReadonlySet<string>): Expression => {
  if (data === null || typeof data === "string" || typeof data === "boolean" || Number.isFinite(data)) return () => data;
  const [operator, operand] = only(data, at, ["field", "count", ...Object.keys(aggregates), ...Object.keys(arithmetic)]);
  const place = `${at}.${operator}`;
  if (operator === "field") return fieldOf(operand, place);
  if (operator === "count") {
    const step = stepOf(operand, place, steps);
    return (_event, taken) => taken[step]!.length;
  }
  const apply = arithmetic[operator];
  if (apply !== undefined) {
    const [left, right] = pair(operand, place, steps);
    return (event, taken) => {
      const [a, b] = [left(event, taken), right(event, taken)];
      return typeof a === "number" && typeof b === "number" ? apply(a, b) : null;
    };
  }
  const { step, field, ...rest } = object(operand, place);
  refuseOthers(rest, place);
  const name = stepOf(step, `${place}.step`, steps);
  const read = fieldOf(field, `${place}.field`);
  const aggregate = aggregates[operator]!;
  return (_event, taken) => aggregate(taken[name]!.map((event) => read(event, taken)));
};

const ordered =
  (compare: (a: number | string, b: number | string) => boolean) =>
  (a: unknown, b: unknown): boolean =>
    (typeof a === "number" && typeof b === "number") || (typeof a === "string" && typeof b === "string") ? compare(a, b) : false;

const comparisons: Readonly<Record<string, (a: unknown, b: unknown) => boolean>> = {
  "==": (a, b) => a === b && a !== null,
  "!=": (a, b) => a !== b && a !== null && b !== null,
  "<": ordered((a, b) => a < b),
  "<=": ordered((a, b) => a <= b),
  ">": ordered((a, b) => a > b),
  ">=": ordered((a, b) => a >= b),
};

const arithmetic: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
};

const numbers = (values: readonly unknown[]): readonly number[] => values.filter((value) => typeof value === "number");

const sum = (values: readonly unknown[]): number => numbers(values).reduce((a, b) => a + b, 0);

const aggregates: Readonly<Record<string, (values: readonly unknown[]) => unknown>> = {
  first: (values) => values[0] ?? null,
  last: (values) => values.at(-1) ?? null,
  sum,
  min: (values) => numbers(values).reduce<number | null>((a, b) => (a === null ? b : Math.min(a, b)), null),
  max: (values) => numbers(values).reduce<number | null>((a, b) => (a === null ? b : Math.max(a, b)), null),
  average: (values) => (numbers(values).length === 0 ? null : sum(values) / numbers(values).length),
};

/** Fields that an object has of its own; what is missing is null. */
const fieldOf = (path: unknown, at: string): Expression => {
  if (typeof path !== "string" || path === "") throw invalid(`${at} is ${shown(path)}: give the name of a field`);
  const names = path.split(".");
  return (event) => {
    let value: unknown = event;
    for (const name of names)
      value = typeof value === "object" && value !== null && Object.hasOwn(value, name) ? (value as any)[name] : null;
    return value ?? null;
  };
};

const stepOf = (name: unknown, at: string, steps: ReadonlySet<string>): string => {
  if (typeof name === "string" && steps.has(name)) return name;
  throw invalid(`${at} names ${shown(name)}, which takes no event: there are ${[...steps].map((step) => `'${step}'`).join(", ")}`);
};

const pair = (data: unknown, at: string, steps: ReadonlySet<string>): readonly [Expression, Expression] => {
  const values = list(data, at);
  if (values.length !== 2) throw invalid(`${at} has ${values.length} values: give two`);
  return [worth(values[0], `${at}[0]`, steps), worth(values[1], `${at}[1]`, steps)];
};

const only = (data: unknown, at: string, known: readonly string[]): readonly [string, unknown] => {
  const entries = Object.entries(object(data, at));
  const [entry] = entries;
  if (entries.length !== 1 || entry === undefined || !known.includes(entry[0]))
    throw invalid(`${at} is ${shown(data)}: give one of ${known.join(" ")}`);
  return entry;
};

// ---------------------------------------------------------------- data from outside

export const invalid = (message: string): TopologyError => new TopologyError("PATTERN_INVALID", `Cannot use the pattern: ${message}`);

export const shown = (data: unknown): string => (JSON.stringify(data) ?? String(data)).slice(0, 100);

export const object = (data: unknown, at: string): Readonly<Record<string, unknown>> => {
  if (typeof data !== "object" || data === null || Array.isArray(data)) throw invalid(`${at} is ${shown(data)}: give an object`);
  return data as Readonly<Record<string, unknown>>;
};

export const list = (data: unknown, at: string): readonly unknown[] => {
  if (!Array.isArray(data) || data.length === 0) throw invalid(`${at} is ${shown(data)}: give a list that is not empty`);
  return data;
};

export const refuseOthers = (rest: Readonly<Record<string, unknown>>, at: string): void => {
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw invalid(`${at} has a field '${unknown}', which means nothing: leave it out`);
};
