import { depthMax, tag } from "./canonical_tags.ts";
import { dateOf } from "./date_of.ts";
import { decodeUtf8 } from "./utf8.ts";

/**
 * Reads one canonical key that fills all the bytes from `start` to `end`. With `bigintsApart` every whole number that is not marked as bigint is a number, without it one that a number cannot
 * hold exactly is a bigint. Throws an Error with the reason when the bytes are no key.
 */
export const readCanonical = (bytes: Uint8Array, start: number, end: number, bigintsApart: boolean): unknown => {
  const from: Reader = { bytes, at: start, end, bigintsApart };
  const value = readValue(from, 0);
  if (from.at !== end) throw new Error(`${end - from.at} bytes are left over`);
  return value;
};

interface Reader {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;
  readonly bigintsApart: boolean;
}

const readValue = (from: Reader, depth: number): unknown => {
  const first = next(from);
  switch (first) {
    case tag.undefined:
      return undefined;
    case tag.null:
      return null;
    case tag.false:
      return false;
    case tag.true:
      return true;
    case tag.bigint:
      return BigInt(readNumber(from, next(from)));
    case tag.date: {
      const milliseconds = readNumber(from, next(from));
      return dateOf(Number(milliseconds));
    }
    case tag.text:
      return readText(from);
    case tag.bytes:
      return readEscaped(from);
    case tag.array: {
      checkDepth(depth);
      const elements: unknown[] = [];
      while (peek(from) !== 0) elements.push(readValue(from, depth + 1));
      from.at++;
      return elements;
    }
    case tag.object:
      checkDepth(depth);
      return readFields(from, depth);
    default: {
      const number = readNumber(from, first);
      return from.bigintsApart ? Number(number) : number;
    }
  }
};

const readFields = (from: Reader, depth: number): unknown => {
  const object: Record<string, unknown> = {};
  for (let mark = next(from); mark !== 0; mark = next(from)) {
    if (mark !== 1) throw new Error(`byte ${mark} stands where a field should begin`);
    const name = readText(from);
    const value = readValue(from, depth + 1);
    // Assigning would change the object's prototype.
    if (name === "__proto__") Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
    else object[name] = value;
  }
  return object;
};

const readText = (from: Reader): string => {
  const { bytes } = from;
  const start = from.at;
  let end = start;
  while (end < from.end && bytes[end]! > 1) end++;
  if (end === from.end) throw shortOf();
  if (bytes[end] === 1) {
    const unescaped = readEscaped(from);
    return textOf(unescaped, 0, unescaped.length);
  }
  from.at = end + 1;
  return textOf(bytes, start, end);
};

const textOf = (bytes: Uint8Array, start: number, end: number): string => {
  const text = decodeUtf8(bytes, start, end);
  if (text === undefined) throw new Error("a text in it is not UTF-8");
  return text;
};

const readEscaped = (from: Reader): Uint8Array => {
  const { bytes } = from;
  let length = 0;
  let end = from.at;
  for (; end < from.end && bytes[end] !== 0; end++, length++) if (bytes[end] === 1) end++;
  if (end >= from.end) throw shortOf();
  const value = new Uint8Array(length);
  for (let at = from.at, to = 0; at < end; at++) value[to++] = bytes[at] === 1 ? bytes[++at]! - 1 : bytes[at]!;
  from.at = end + 1;
  return value;
};

const fraction = new DataView(new ArrayBuffer(8));

const readNumber = (from: Reader, first: number): number | bigint => {
  if (first === tag.positiveInfinity) return Number.POSITIVE_INFINITY;
  if (first === tag.negativeInfinity) return Number.NEGATIVE_INFINITY;
  if (first < tag.negativeLarge || first > tag.positiveLarge) throw new Error(`no value begins with byte ${first}`);
  const inverted = first > tag.negative ? 0 : 0xff;
  const length =
    first === tag.positiveLarge || first === tag.negativeLarge
      ? ((next(from) ^ inverted) << 8) | (next(from) ^ inverted)
      : inverted === 0
        ? first - tag.positive
        : tag.negative - first;
  const whole = length <= 6 ? readWhole(from, length, inverted) : readLargeWhole(from, length, inverted);
  const mark = next(from) ^ inverted;
  if (mark === 0) return inverted === 0 || whole === 0 ? whole : -whole;
  if (mark !== 1 || typeof whole !== "number") throw new Error(`byte ${mark} stands where a number should end`);
  for (let index = 0; index < 8; index++) fraction.setUint8(index, next(from) ^ inverted);
  const value = whole + fraction.getFloat64(0);
  return inverted === 0 ? value : -value;
};

const readWhole = (from: Reader, length: number, inverted: number): number => {
  let whole = 0;
  for (let index = 0; index < length; index++) whole = whole * 256 + (next(from) ^ inverted);
  return whole;
};

const readLargeWhole = (from: Reader, length: number, inverted: number): number | bigint => {
  let hex = "0x";
  for (let index = 0; index < length; index++) hex += (next(from) ^ inverted).toString(16).padStart(2, "0");
  const whole = BigInt(hex);
  return whole <= Number.MAX_SAFE_INTEGER ? Number(whole) : whole;
};

const next = (from: Reader): number => {
  if (from.at >= from.end) throw shortOf();
  return from.bytes[from.at++]!;
};

const peek = (from: Reader): number => {
  if (from.at >= from.end) throw shortOf();
  return from.bytes[from.at]!;
};

const checkDepth = (depth: number): void => {
  if (depth >= depthMax) throw new Error(`it is nested deeper than ${depthMax} levels`);
};

const shortOf = (): Error => new Error("they end in the middle of it");
