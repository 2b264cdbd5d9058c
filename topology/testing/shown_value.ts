import { className } from "../../core/serde/shown.ts";

/** Longer texts are cut: a message of a failed test is to be read. */
const lengthMax = 200;

/** A value as a failed test shows it: much like the program would write it, on one line. */
export const shownValue = (value: unknown): string => {
  const text = written(value, new Set());
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax)}... (${text.length} characters)`;
};

const written = (value: unknown, around: ReadonlySet<object>): string => {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "function") return value.name === "" ? "a function" : `function ${value.name}`;
  if (typeof value !== "object" || value === null) return String(value);
  if (around.has(value)) return "[circle]";
  const within = new Set(around).add(value);
  const all = (values: Iterable<unknown>): string => Array.from(values, (one) => written(one, within)).join(", ");
  if (isMatcher(value)) {
    const { sample } = value;
    return value.toAsymmetricMatcher?.() ?? `${value}${sample === undefined ? "" : ` ${written(sample, within)}`}`;
  }
  if (value instanceof RegExp) return String(value);
  if (Array.isArray(value)) return `[${all(value)}]`;
  if (value instanceof Uint8Array) return `bytes <${Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join(" ")}>`;
  if (value instanceof Map) return `Map { ${Array.from(value, ([k, v]) => `${written(k, within)} => ${written(v, within)}`).join(", ")} }`;
  if (value instanceof Set) return `Set { ${all(value)} }`;
  const name = className(value);
  if (name === "Date") return `Date ${JSON.stringify(value)}`;
  const fields = Object.entries(value).map(([field, one]) => `${field}: ${written(one, within)}`);
  return `${name === "Object" ? "" : `${name} `}${fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`}`;
};

/** What a test gives in the place of a value, such as `expect.any(String)`. */
const isMatcher = (value: object): value is { toAsymmetricMatcher?(): string; readonly sample?: unknown } => "asymmetricMatch" in value;
