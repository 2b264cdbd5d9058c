/** A value as an error message names it: its kind and, where that is short, the value. */
export const shown = (value: unknown): string => {
  switch (typeof value) {
    case "string":
      return `the string ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`;
    case "number":
      return `the number ${Object.is(value, -0) ? "-0" : String(value)}`;
    case "bigint": {
      const digits = value.toString();
      return `the bigint ${digits.length > 40 ? `${digits.slice(0, 40)}…` : digits}`;
    }
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

/** The name of the class that an object says it is of. */
export const className = (value: object): string => {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null) return "Object";
  const maker: unknown = (prototype as { readonly constructor?: unknown }).constructor;
  return typeof maker === "function" && maker.name !== "" ? maker.name : "Object";
};
