/** A value of a record as an error message names it: its kind, and the value only where nobody could be meant by it. Errors are logged, and records are no matter for logs. */
export const shown = (value: unknown): string => {
  switch (typeof value) {
    case "string":
      return `a string of ${value.length} characters`;
    case "number":
      return Object.is(value, -0) ? "the number -0" : shortly("number", String(value));
    case "bigint":
      return shortly("bigint", value.toString());
    case "boolean":
      return `the boolean ${value}`;
    case "undefined":
      return "undefined";
    case "function":
      return "a function";
    case "symbol":
      return "a symbol";
    default:
      return value === null ? "null" : `a value of class ${className(value as object)}`;
  }
};

/** The numbers of cards and accounts are long. */
const shortly = (kind: string, digits: string): string =>
  digits.length > 8 ? `a ${kind} of ${digits.length} digits` : `the ${kind} ${digits}`;

/** The name of the class that an object says it is of. */
export const className = (value: object): string => {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return "Object";
  const maker: unknown = (prototype as { readonly constructor?: unknown }).constructor;
  return typeof maker === "function" && maker.name !== "" ? maker.name : "Object";
};
