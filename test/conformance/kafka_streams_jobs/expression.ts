/** A value of a scenario: JSON, where `undefined` does not occur. */
export type Json = any;

/** An expression as the scenarios write it: literals, variables, objects and calls. */
export type Expression = Json;

export type Variables = Readonly<Record<string, Json>>;

/** What an expression gives for these variables; what is not there is null. */
export const evaluate = (expression: Expression, variables: Variables): Json => {
  if (expression === null || typeof expression === "number" || typeof expression === "boolean") return expression;
  if (typeof expression === "string") return expression.startsWith("$") ? lookUp(expression.slice(1), variables) : expression;
  if (Array.isArray(expression)) {
    const [name, ...parts] = expression as [string, ...Expression[]];
    const special = lazy[name];
    if (special !== undefined) return special(parts, variables);
    const operation = operations[name];
    if (operation === undefined) throw new Error(`The expression calls '${name}', which nobody knows`);
    return operation(...parts.map((part) => evaluate(part, variables)));
  }
  return Object.fromEntries(Object.entries(expression).map(([field, part]) => [field, evaluate(part, variables)]));
};

/** A predicate holds for exactly `true`. */
export const holds = (expression: Expression, variables: Variables): boolean => evaluate(expression, variables) === true;

const lookUp = (path: string, variables: Variables): Json => {
  let value: Json = variables;
  for (const part of path.split(".")) {
    if (value === null || value === undefined || typeof value !== "object") return null;
    value = Array.isArray(value) ? value[Number(part)] : Object.hasOwn(value, part) ? value[part] : null;
  }
  return value ?? null;
};

/** Calls that do not evaluate everything they are given. */
const lazy: Readonly<Record<string, (parts: readonly Expression[], variables: Variables) => Json>> = {
  and: (parts, variables) => parts.every((part) => evaluate(part, variables) === true),
  or: (parts, variables) => parts.some((part) => evaluate(part, variables) === true),
  if: ([condition, then, otherwise], variables) => evaluate(holds(condition, variables) ? then : otherwise, variables),
  coalesce: (parts, variables) => {
    for (const part of parts) {
      const value = evaluate(part, variables);
      if (value !== null) return value;
    }
    return null;
  },
  mapList: ([list, each], variables) =>
    ((evaluate(list, variables) ?? []) as readonly Json[]).map((it) => evaluate(each, { ...variables, it })),
  throwIf: ([condition, message, value], variables) => {
    if (holds(condition, variables)) throw new Error(text(evaluate(message, variables)));
    return evaluate(value, variables);
  },
};

/** As the scenarios' engine writes it: an object or a list as compact JSON. */
export const text = (value: Json): string => (value === null ? "null" : typeof value === "object" ? JSON.stringify(value) : String(value));

const number = (value: Json): number => value ?? 0;
const list = (value: Json): readonly Json[] => value ?? [];
const compared =
  (holdsFor: (order: number) => boolean) =>
  (a: Json, b: Json): boolean =>
    a !== null && b !== null && holdsFor(a < b ? -1 : a > b ? 1 : 0);
const extreme =
  (better: (order: number) => boolean) =>
  (...values: readonly Json[]): Json => {
    const known = values.filter((value) => value !== null);
    return known.length === 0 ? null : known.reduce((best, value) => (better(value < best ? -1 : value > best ? 1 : 0) ? value : best));
  };
const equal = (a: Json, b: Json): boolean => a === b || canonical(a) === canonical(b);

/** Text that is equal exactly when the values are. */
export const canonical = (value: Json): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value !== null && typeof value === "object")
    return `{${Object.keys(value)
      .sort()
      .map((field) => `${JSON.stringify(field)}:${canonical(value[field])}`)
      .join(",")}}`;
  return JSON.stringify(value) ?? "null";
};

const operations: Readonly<Record<string, (...values: readonly Json[]) => Json>> = {
  "+": (...values) => values.reduce((sum, value) => sum + number(value), 0),
  "-": (first, ...rest) => (rest.length === 0 ? -number(first) : rest.reduce((left, value) => left - number(value), number(first))),
  "*": (...values) => values.reduce((product, value) => product * number(value), 1),
  mod: (a, b) => ((number(a) % number(b)) + number(b)) % number(b),
  max: extreme((order) => order > 0),
  min: extreme((order) => order < 0),
  concat: (...values) => values.map(text).join(""),
  str: text,
  upper: (value) => (value === null ? null : text(value).toUpperCase()),
  len: (value) => (value === null ? 0 : value.length),
  split: (value) =>
    value === null
      ? []
      : text(value)
          .split(" ")
          .filter((word) => word !== ""),
  substr: (value, from, to) => (value === null ? null : text(value).slice(from, to)),
  "==": equal,
  "!=": (a, b) => !equal(a, b),
  "<": compared((order) => order < 0),
  "<=": compared((order) => order <= 0),
  ">": compared((order) => order > 0),
  ">=": compared((order) => order >= 0),
  not: (value) => value !== true,
  isNull: (value) => value === null,
  list: (...values) => values,
  append: (values, value) => [...list(values), value],
  removeFirst: (values, value) => {
    const at = list(values).findIndex((each) => equal(each, value));
    return at < 0 ? list(values) : [...list(values).slice(0, at), ...list(values).slice(at + 1)];
  },
  extend: (values, more) => [...list(values), ...list(more)],
  range: (n) => Array.from({ length: number(n) }, (_, i) => i),
};
