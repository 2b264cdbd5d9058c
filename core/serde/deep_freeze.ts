import { dateOf } from "./date_of.ts";

/** What was frozen before: what it leads to cannot have changed since. */
const frozen = new WeakSet<object>();

/**
 * Makes a value unchangeable with all that it leads to, and gives it back. Maps, sets and dates keep what they hold inside, where freezing does not reach, so their methods that change them throw from then on. The bytes of an array buffer and what a class keeps in private fields
 * cannot be protected, and functions are left as they are.
 */
export const deepFreeze = <T>(value: T): T => {
  if (!freezable(value) || frozen.has(value)) return value;
  // Not by recursion: what a program hands on may be nested as deep as it likes.
  const open: object[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (frozen.has(next)) continue;
    frozen.add(next);
    if (next instanceof Map) for (const entry of next) open.push(...entry.filter(freezable));
    else if (next instanceof Set) for (const element of next) if (freezable(element)) open.push(element);
    // Through descriptors, so that no getter is called.
    for (const key of Reflect.ownKeys(next)) {
      const part: unknown = Reflect.getOwnPropertyDescriptor(next, key)?.value;
      if (freezable(part)) open.push(part);
    }
    seal(next);
  }
  return value;
};

const freezable = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !ArrayBuffer.isView(value) && !(value instanceof ArrayBuffer);

const seal = (value: object): void => {
  if (Object.isExtensible(value))
    for (const method of changing(value))
      Object.defineProperty(value, method, {
        value: () => {
          throw new TypeError(`Cannot call ${method}() of a frozen ${value.constructor.name}`);
        },
      });
  try {
    Object.freeze(value);
  } catch {
    // A proxy with a will of its own: it stays as it is.
  }
};

const changing = (value: object): readonly string[] => {
  if (value instanceof Map) return ["set", "delete", "clear"];
  if (value instanceof Set) return ["add", "delete", "clear"];
  return Object.prototype.isPrototypeOf.call(dates, value) ? dateSetters : [];
};

const dates: object = Object.getPrototypeOf(dateOf(0));
const dateSetters: readonly string[] = Object.getOwnPropertyNames(dates).filter((name) => name.startsWith("set"));

/** What engines say of a change of something frozen: V8, JavaScriptCore, and the methods above. */
const refusals =
  /read[- ]?only property|not extensible|Cannot delete property|Unable to delete property|Cannot redefine property|of a frozen /;

/** Whether an error stands for the attempt to change something frozen. */
export const isFrozenChange = (thrown: unknown): thrown is TypeError =>
  thrown instanceof Error && thrown.name === "TypeError" && refusals.test(thrown.message);
