import { kindOf } from "./kind.ts";

/** True when both are made of the same parts, for every value that state can hold. NaN is equal to itself, and 0 to -0. */
export const sameValue = (a: unknown, b: unknown): boolean => {
  if (Object.is(a, b) || (a === 0 && b === 0)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const kind = kindOf(a);
  if (kind !== kindOf(b)) return false;
  switch (kind) {
    case "Object":
      return sameFields(a as Fields, b as Fields);
    case "Array":
    case "Map":
    case "Set":
      return sameItems([...(a as Iterable<unknown>)], [...(b as Iterable<unknown>)]);
    case "Date":
      return Object.is(a.valueOf(), b.valueOf());
    case "other":
      return false;
    case "ArrayBuffer":
      return sameBytes(new Uint8Array(a as ArrayBuffer), new Uint8Array(b as ArrayBuffer));
    default:
      return sameBytes(bytesOf(a as ArrayBufferView), bytesOf(b as ArrayBufferView));
  }
};

type Fields = Readonly<Record<string, unknown>>;

const sameFields = (a: Fields, b: Fields): boolean => {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && sameValue(a[name], b[name]));
};

const sameItems = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  a.length === b.length && a.every((item, i) => sameValue(item, b[i]));

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

const bytesOf = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
