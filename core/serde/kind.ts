/** The kinds of objects that are data; "Object" is a plain one, "other" anything that carries behaviour of its own. */
export type Kind = "Object" | "Array" | "Map" | "Set" | "Date" | "ArrayBuffer" | TypedArrayName | "other";

export type TypedArrayName =
  | "Int8Array"
  | "Uint8Array"
  | "Uint8ClampedArray"
  | "Int16Array"
  | "Uint16Array"
  | "Int32Array"
  | "Uint32Array"
  | "Float32Array"
  | "Float64Array"
  | "BigInt64Array"
  | "BigUint64Array";

/**
 * What kind of data an object is. A subclass is "other", because bytes could not bring it back; only Node's Buffer counts as the Uint8Array that it is. Works
 * for objects that another realm has made (a worker, a vm context, structured clone).
 */
export const kindOf = (value: object): Kind => {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === plain || prototype === null) return "Object";
  if (prototype === list) return "Array";
  return kindOfOther(value, prototype as object);
};

const plain = Object.prototype;
const list = Array.prototype;
const known: ReadonlySet<string> = new Set([
  "Object",
  "Array",
  "Map",
  "Set",
  "Date",
  "ArrayBuffer",
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array",
]);

const kindOfOther = (value: object, prototype: object): Kind => {
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  if (!known.has(kind)) return "other";
  // The constructor's name tells a class from what it extends, also where the constructor itself belongs to another realm.
  const maker: unknown = (prototype as { readonly constructor?: unknown }).constructor;
  const name = typeof maker === "function" ? maker.name : "";
  if (name === kind) return kind === "Object" && Object.getPrototypeOf(prototype) !== null ? "other" : (kind as Kind);
  return kind === "Uint8Array" && name === "Buffer" ? "Uint8Array" : "other";
};
