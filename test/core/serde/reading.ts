import type { DecodeError } from "../../../core/errors.ts";
import type { Serde } from "../../../core/serde/serde.ts";

/** The value in the bytes; fails the test where there is none. */
export const read = <T>(serde: Serde<T>, bytes: Uint8Array): T => {
  const decoded = serde.deserialize(bytes, "topic");
  if (decoded._tag === "Left") throw decoded.left;
  return decoded.right;
};

/** The reason why there is no value in the bytes; fails the test where there is one. */
export const refusal = (serde: Serde<any>, bytes: Uint8Array): DecodeError => {
  const decoded = serde.deserialize(bytes, "topic");
  if (decoded._tag === "Left") return decoded.left;
  throw new Error(`It was read as ${String(decoded.right)}`);
};

/** There and back again. */
export const roundTrip = <T>(serde: Serde<T>, value: T): T => read(serde, serde.serialize(value, "topic"));

/** What writing a value throws. */
export const unwritable = <T>(serde: Serde<T>, value: unknown): { readonly code?: string; readonly message: string } => {
  try {
    serde.serialize(value as T, "topic");
  } catch (thrown) {
    return thrown as Error;
  }
  throw new Error("It was written");
};

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Bytes from what people read: "00 ff". */
export const hex = (digits: string): Uint8Array => Uint8Array.from(digits.match(/[0-9a-f]{2}/g) ?? [], (pair) => Number.parseInt(pair, 16));
export const toHex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Unsigned, byte by byte, the shorter first: the order of keys in a store. */
export const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  for (let at = 0; at < a.length && at < b.length; at++) if (a[at] !== b[at]) return a[at]! - b[at]!;
  return a.length - b.length;
};
