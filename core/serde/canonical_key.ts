import * as E from "fp-ts/lib/Either.js";
import { DecodeError, reason } from "../errors.ts";
import { type ByteWriter, writeBytes } from "./byte_writer.ts";
import { readCanonical } from "./canonical_read.ts";
import { notANumber, writeCanonical } from "./canonical_write.ts";
import { hint } from "./hint.ts";
import { inPlace } from "./in_place.ts";
import type { Decoded, Serde } from "./serde.ts";
import { latin1 } from "./utf8.ts";

/**
 * Keys as bytes of which these laws hold, in every runtime and version:
 * - equal keys have equal bytes. Equal means: the same fields whatever their order, 5, 5n and 5.0 alike, -0 like 0;
 * - no key's bytes are the beginning of another key's, so that keys can stand before something else;
 * - bytes compare as the keys do, within a type: numbers by value, strings by code point, arrays element by element.
 *
 * Takes strings, numbers, bigints, booleans, null, undefined, Date, Uint8Array, and arrays and plain objects of them. Refuses NaN, which equals nothing, half a
 * surrogate pair, and instances of classes. Reading gives an equal key: a whole number comes back as number where that is exact, else as bigint.
 */
export const canonicalKey: Serde<unknown> = inPlace<Serde<unknown>>({
  name: "canonical",
  serialize: (value) => writeBytes(writeAlike, value),
  write: (to, value) => writeCanonical(to, value, false, 0),
  deserialize: (bytes) => read(bytes, 0, bytes.length, false),
  read: (bytes, start, end) => read(bytes, start, end, false),
});

/**
 * The same encoding with one law less: a bigint has other bytes than the number that equals it, and comes back as bigint. The default where no key serde is given,
 * because all keys of a stream have one type and the program counts on getting that type back.
 */
export const typedKey: Serde<unknown> = inPlace<Serde<unknown>>({
  name: "typed",
  serialize: (value) => writeBytes(writeApart, value),
  write: (to, value) => writeCanonical(to, value, true, 0),
  deserialize: (bytes) => read(bytes, 0, bytes.length, true),
  read: (bytes, start, end) => read(bytes, start, end, true),
});

/**
 * Something cheap to look a key up by in a Map: equal exactly when the canonical bytes are. Strings, numbers and booleans stand for themselves, anything larger for
 * a string of its bytes. Throws for what cannot be a key, except that half a surrogate pair in a string is found only when its bytes are written.
 */
export const primitiveKey = (key: unknown): PrimitiveKey => {
  switch (typeof key) {
    case "string":
      // A leading NUL is kept for what is no string.
      return key.charCodeAt(0) === 0 ? `\0s${key}` : key;
    case "number":
      if (Number.isNaN(key)) throw notANumber();
      // Adding zero makes -0 the zero that it equals.
      return Number.isSafeInteger(key) || !Number.isInteger(key) ? key + 0 : BigInt(key);
    case "bigint": {
      const number = Number(key);
      return Number.isSafeInteger(number) ? number : key;
    }
    case "boolean":
    case "undefined":
      return key;
    default:
      return key === null ? null : `\0o${characters(canonicalKey.serialize(key, ""))}`;
  }
};

/** What `primitiveKey` gives: a Map tells two of them apart exactly when they are different. */
export type PrimitiveKey = string | number | bigint | boolean | null | undefined;

const writeAlike = (to: ByteWriter, value: unknown): void => writeCanonical(to, value, false, 0);
const writeApart = (to: ByteWriter, value: unknown): void => writeCanonical(to, value, true, 0);

const read = (bytes: Uint8Array, start: number, end: number, bigintsApart: boolean): Decoded<unknown> => {
  try {
    return E.right(readCanonical(bytes, start, end, bigintsApart));
  } catch (thrown) {
    const why = `${reason(thrown)}${hint(bytes.subarray(start, end))}`;
    return E.left(new DecodeError("DECODE_FAILED", `Cannot read ${end - start} bytes as a canonical key: ${why}`, { where: "key" }));
  }
};

const characters = (bytes: Uint8Array): string => latin1(bytes, 0, bytes.length);
