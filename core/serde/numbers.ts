import * as E from "fp-ts/lib/Either.js";
import { DecodeError, ProduceError } from "../errors.ts";
import { hint } from "./hint.ts";
import { inPlace } from "./in_place.ts";
import type { Decoded, Serde } from "./serde.ts";
import { shown } from "./shown.ts";

/** Whole numbers of 32 bits, 4 bytes big-endian with sign, as Kafka's IntegerSerializer writes them. */
export const integer: Serde<number> = inPlace<Serde<number>>({
  name: "integer",
  serialize: (value) => {
    const bytes = new Uint8Array(4);
    putInteger(bytes, 0, value);
    return bytes;
  },
  write: (to, value) => {
    to.room(4);
    putInteger(to.bytes, to.at, value);
    to.at += 4;
  },
  deserialize: (bytes) => readInteger(bytes, 0, bytes.length),
  read: (bytes, start, end) => readInteger(bytes, start, end),
});

/** Whole numbers of 64 bits as bigint, 8 bytes big-endian with sign, as Kafka's LongSerializer writes them. */
export const int64: Serde<bigint> = inPlace<Serde<bigint>>({
  name: "int64",
  serialize: (value) => {
    const bytes = new Uint8Array(8);
    view.setBigInt64(0, checkedInt64(value));
    bytes.set(scratch);
    return bytes;
  },
  write: (to, value) => {
    to.room(8);
    to.view.setBigInt64(to.at, checkedInt64(value));
    to.at += 8;
  },
  deserialize: (bytes) => readInt64(bytes, 0, bytes.length),
  read: (bytes, start, end) => readInt64(bytes, start, end),
});

/** Numbers as they are, 8 bytes big-endian IEEE 754, as Kafka's DoubleSerializer writes them; NaN and -0 included. */
export const float64: Serde<number> = inPlace<Serde<number>>({
  name: "float64",
  serialize: (value) => {
    const bytes = new Uint8Array(8);
    view.setFloat64(0, checkedFloat64(value));
    bytes.set(scratch);
    return bytes;
  },
  write: (to, value) => {
    to.room(8);
    to.view.setFloat64(to.at, checkedFloat64(value));
    to.at += 8;
  },
  deserialize: (bytes) => readFloat64(bytes, 0, bytes.length),
  read: (bytes, start, end) => readFloat64(bytes, start, end),
});

const readInteger = (bytes: Uint8Array, start: number, end: number): Decoded<number> =>
  end - start === 4
    ? E.right((bytes[start]! << 24) | (bytes[start + 1]! << 16) | (bytes[start + 2]! << 8) | bytes[start + 3]!)
    : E.left(wrongLength(bytes.subarray(start, end), "integer", 4));

const readInt64 = (bytes: Uint8Array, start: number, end: number): Decoded<bigint> => {
  if (end - start !== 8) return E.left(wrongLength(bytes.subarray(start, end), "int64", 8));
  for (let at = 0; at < 8; at++) scratch[at] = bytes[start + at]!;
  return E.right(view.getBigInt64(0));
};

const readFloat64 = (bytes: Uint8Array, start: number, end: number): Decoded<number> => {
  if (end - start !== 8) return E.left(wrongLength(bytes.subarray(start, end), "float64", 8));
  for (let at = 0; at < 8; at++) scratch[at] = bytes[start + at]!;
  return E.right(view.getFloat64(0));
};

const putInteger = (bytes: Uint8Array, at: number, value: number): void => {
  if (typeof value !== "number" || (value | 0) !== value)
    throw unwritable(value, "integer", "a whole number from -2147483648 to 2147483647 is wanted");
  bytes[at] = value >> 24;
  bytes[at + 1] = value >> 16;
  bytes[at + 2] = value >> 8;
  bytes[at + 3] = value;
};

const checkedInt64 = (value: bigint): bigint => {
  if (typeof value === "bigint" && BigInt.asIntN(64, value) === value) return value;
  throw unwritable(value, "int64", "a bigint of at most 64 bits is wanted");
};

const checkedFloat64 = (value: number): number => {
  if (typeof value === "number") return value;
  throw unwritable(value, "float64", "a number is wanted");
};

const scratch = new Uint8Array(8);
const view = new DataView(scratch.buffer);

const unwritable = (value: unknown, as: string, wanted: string): ProduceError =>
  new ProduceError("ENCODE_FAILED", `Cannot write ${shown(value)} as ${as}: ${wanted}`);

const wrongLength = (bytes: Uint8Array, as: string, wanted: number): DecodeError =>
  new DecodeError("DECODE_FAILED", `Cannot read ${bytes.length} bytes as ${as}: exactly ${wanted} are wanted${hint(bytes)}`);
