import { kindOf } from "./kind.ts";
import { className } from "./shown.ts";

/** Whether JSON.stringify writes all of a value as what it is. False for some values that `findUnwritable` then finds to be well: it only has to be quick. */
export const isWritable = (value: unknown, depth: number): boolean => {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object") return typeof value !== "function" && typeof value !== "symbol";
  if (value === null) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (depth > quickDepthMax || (prototype !== Object.prototype && prototype !== Array.prototype)) return false;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) if (value[index] === undefined || !isWritable(value[index], depth + 1)) return false;
    return true;
  }
  const object = value as Readonly<Record<string, unknown>>;
  for (const name in object) if (name === "__proto__" || !isWritable(object[name], depth + 1)) return false;
  return true;
};

const quickDepthMax = 100;

/** What in a value JSON.stringify would write as something else, as a phrase that names field and reason; undefined when it is all well. */
export const findUnwritable = (value: unknown): string | undefined => find(value, "", 0);

const find = (value: unknown, path: string, depth: number): string | undefined => {
  if (typeof value === "number") return Number.isFinite(value) ? undefined : `${place(path)} is ${value}, for which JSON has no form`;
  if (typeof value !== "object" || value === null || depth > depthMax) return undefined;
  // What says itself how it wants to be written is asked.
  if (typeof (value as { readonly toJSON?: unknown }).toJSON === "function") return undefined;
  const kind = kindOf(value);
  switch (kind) {
    case "Array":
      return findInArray(value as readonly unknown[], path, depth);
    case "other":
      // A promise, an error, a class with private fields: what is seen of them from outside is nothing.
      if (Object.keys(value).length === 0)
        return `${place(path)} is of class ${className(value)}, of which JSON would keep nothing that could be read back`;
      return findInFields(value as Readonly<Record<string, unknown>>, path, depth);
    case "Object":
      return findInFields(value as Readonly<Record<string, unknown>>, path, depth);
    case "Date":
      return undefined;
    default:
      return `${place(path)} is a ${kind}, of which JSON would keep nothing that could be read back`;
  }
};

// JSON.stringify has been through the value already, so it is neither endless nor much deeper than this.
const depthMax = 10_000;

const findInArray = (value: readonly unknown[], path: string, depth: number): string | undefined => {
  for (let index = 0; index < value.length; index++) {
    const element = value[index];
    if (element === undefined || typeof element === "function" || typeof element === "symbol")
      return `${place(`${path}[${index}]`)} is ${typeof element} and would become null`;
    const found = find(element, `${path}[${index}]`, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
};

const findInFields = (value: Readonly<Record<string, unknown>>, path: string, depth: number): string | undefined => {
  for (const name of Object.keys(value)) {
    const inner = path === "" ? name : `${path}.${name}`;
    if (name === "__proto__") return `${place(inner)} would change what other objects inherit`;
    const found = find(value[name], inner, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
};

const place = (path: string): string => (path === "" ? "the value" : `field '${path}'`);
