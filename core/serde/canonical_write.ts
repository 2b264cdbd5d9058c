import { ProduceError } from "../errors.ts";
import type { ByteWriter } from "./byte_writer.ts";
import { depthMax, tag } from "./canonical_tags.ts";
import { kindOf } from "./kind.ts";
import { shown } from "./shown.ts";

/** Writes a value in the canonical form; with `bigintsApart` a bigint does not share the bytes of the number that equals it. */
export const writeCanonical = (to: ByteWriter, value: unknown, bigintsApart: boolean, depth: number): void => {
  switch (typeof value) {
    case "string":
      to.byte(tag.text);
      writeText(to, value);
      return;
    case "number":
      writeNumber(to, value);
      return;
    case "bigint":
      if (bigintsApart) to.byte(tag.bigint);
      writeBigint(to, value);
      return;
    case "boolean":
      to.byte(value ? tag.true : tag.false);
      return;
    case "undefined":
      to.byte(tag.undefined);
      return;
    case "object":
      if (value === null) to.byte(tag.null);
      else writeObject(to, value, bigintsApart, depth);
      return;
    default:
      throw refused(value, "only data can be a key");
  }
};

/** What a NaN is answered with wherever one is about to become a key. */
export const notANumber = (): ProduceError =>
  new ProduceError(
    "ENCODE_FAILED",
    "Cannot use NaN as a key: it equals nothing, not even itself; filter such records or give them another key",
  );

const writeObject = (to: ByteWriter, value: object, bigintsApart: boolean, depth: number): void => {
  if (depth >= depthMax)
    throw new ProduceError("LIMIT_EXCEEDED", `Cannot use a key that is nested deeper than ${depthMax} levels: does it contain itself?`);
  switch (kindOf(value)) {
    case "Object": {
      to.byte(tag.object);
      const object = value as Readonly<Record<string, unknown>>;
      // The default order of strings is the same everywhere; any order would do.
      for (const name of Object.keys(object).sort()) {
        to.byte(1);
        writeText(to, name);
        writeCanonical(to, object[name], bigintsApart, depth + 1);
      }
      to.byte(0);
      return;
    }
    case "Array":
      to.byte(tag.array);
      for (const element of value as readonly unknown[]) writeCanonical(to, element, bigintsApart, depth + 1);
      to.byte(0);
      return;
    case "Date": {
      const milliseconds = (value as { getTime(): number }).getTime();
      if (Number.isNaN(milliseconds)) throw refused(value, "the date is invalid");
      to.byte(tag.date);
      writeNumber(to, milliseconds);
      return;
    }
    case "Uint8Array":
      to.byte(tag.bytes);
      writeEscaped(to, value as Uint8Array);
      return;
    default:
      throw refused(
        value,
        "use strings, numbers, bigints, booleans, dates, bytes, and arrays and plain objects of them, or give the key a serde",
      );
  }
};

const writeText = (to: ByteWriter, value: string): void => {
  const length = value.length;
  to.room(length + 1);
  const { bytes } = to;
  let at = to.at;
  for (let index = 0; index < length; index++) {
    const unit = value.charCodeAt(index);
    if (unit > 0x7f || unit < 2) {
      writeOtherText(to, value);
      return;
    }
    bytes[at++] = unit;
  }
  bytes[at++] = 0;
  to.at = at;
};

const encoder = new TextEncoder();

const writeOtherText = (to: ByteWriter, value: string): void => {
  // Room for all of it first: making room moves `at`.
  to.room(value.length * 3 + 1);
  const start = to.at;
  if (!to.utf8(value)) throw refused(value, "it holds half of a surrogate pair, was it cut in the middle of a character?");
  for (let at = start; at < to.at; at++) {
    if (to.bytes[at]! < 2) {
      to.at = start;
      writeEscaped(to, encoder.encode(value));
      return;
    }
  }
  to.byte(0);
};

const writeEscaped = (to: ByteWriter, from: Uint8Array): void => {
  to.room(from.length * 2 + 1);
  const { bytes } = to;
  let at = to.at;
  for (let index = 0; index < from.length; index++) {
    const byte = from[index]!;
    if (byte < 2) {
      bytes[at++] = 1;
      bytes[at++] = byte + 1;
    } else {
      bytes[at++] = byte;
    }
  }
  bytes[at++] = 0;
  to.at = at;
};

const fraction = new DataView(new ArrayBuffer(8));

const writeNumber = (to: ByteWriter, value: number): void => {
  if (value >= 0 && value < 0x100000000 && value >>> 0 === value) {
    writeSmall(to, value);
    return;
  }
  if (Number.isNaN(value)) throw notANumber();
  if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) {
    to.byte(value > 0 ? tag.positiveInfinity : tag.negativeInfinity);
    return;
  }
  const whole = Math.trunc(value);
  if (!Number.isSafeInteger(whole)) {
    // Doubles of this size have no fraction.
    writeBigint(to, BigInt(whole));
    return;
  }
  const inverted = value < 0 ? 0xff : 0;
  const magnitude = Math.abs(whole);
  const high = Math.floor(magnitude / 0x100000000);
  const low = magnitude >>> 0;
  const length = high === 0 ? byteLength(low) : 4 + byteLength(high);
  to.room(length + 10);
  to.bytes[to.at++] = inverted === 0 ? tag.positive + length : tag.negative - length;
  for (let index = length - 1; index >= 0; index--)
    to.bytes[to.at++] = ((index > 3 ? high >>> ((index - 4) * 8) : low >>> (index * 8)) & 0xff) ^ inverted;
  if (value === whole) {
    to.bytes[to.at++] = inverted;
    return;
  }
  // Exact: the digits behind the point are some of the digits that the double has.
  fraction.setFloat64(0, Math.abs(value - whole));
  to.bytes[to.at++] = 1 ^ inverted;
  for (let index = 0; index < 8; index++) to.bytes[to.at++] = fraction.getUint8(index) ^ inverted;
};

const writeSmall = (to: ByteWriter, value: number): void => {
  const length = byteLength(value);
  to.room(length + 2);
  const { bytes } = to;
  let at = to.at;
  bytes[at++] = tag.positive + length;
  for (let shift = (length - 1) * 8; shift >= 0; shift -= 8) bytes[at++] = value >>> shift;
  bytes[at++] = 0;
  to.at = at;
};

/** How many bytes a 32-bit number without sign needs; none for zero. */
const byteLength = (value: number): number => (value === 0 ? 0 : value < 0x100 ? 1 : value < 0x10000 ? 2 : value < 0x1000000 ? 3 : 4);

const writeBigint = (to: ByteWriter, value: bigint): void => {
  const number = Number(value);
  if (Number.isSafeInteger(number)) {
    writeNumber(to, number);
    return;
  }
  const negative = value < 0n;
  const inverted = negative ? 0xff : 0;
  const hex = (negative ? -value : value).toString(16);
  const digits = hex.length % 2 === 0 ? hex : `0${hex}`;
  const length = digits.length / 2;
  if (length > 0xffff)
    throw new ProduceError("LIMIT_EXCEEDED", `Cannot use a bigint of ${length} bytes as a key: at most 65535 are possible`);
  to.room(length + 4);
  if (length <= 8) {
    to.bytes[to.at++] = negative ? tag.negative - length : tag.positive + length;
  } else {
    to.bytes[to.at++] = negative ? tag.negativeLarge : tag.positiveLarge;
    to.bytes[to.at++] = (length >> 8) ^ inverted;
    to.bytes[to.at++] = (length & 0xff) ^ inverted;
  }
  for (let index = 0; index < digits.length; index += 2) to.bytes[to.at++] = Number.parseInt(digits.slice(index, index + 2), 16) ^ inverted;
  to.bytes[to.at++] = inverted;
};

const refused = (value: unknown, why: string): ProduceError =>
  new ProduceError("ENCODE_FAILED", `Cannot use ${shown(value)} as a key: ${why}`);
