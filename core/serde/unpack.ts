import { dateOf } from "./date_of.ts";
import { depthMax, extension, format, toLittleEndian, typedArrays } from "./pack_tags.ts";
import { decodeUtf8, latin1 } from "./utf8.ts";

/** Reads what `pack` wrote, and MessagePack of other origin as far as it means the same. Throws an Error with the reason when it cannot. */
export const unpack = (bytes: Uint8Array, start = 0, end: number = bytes.length): unknown => {
  const from = new Reader(bytes, start, end);
  const value = read(from, 0);
  if (from.at !== end) throw new Error(`${end - from.at} bytes are left over`);
  return value;
};

class Reader {
  readonly bytes: Uint8Array;
  at: number;
  /** Nothing is read from here on. */
  readonly end: number;
  #view: DataView | undefined;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  /** Made when it is first needed: many values have nothing that wants one. */
  get view(): DataView {
    return (this.#view ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength));
  }

  /** Steps over so many bytes and says where they began. */
  skip(length: number): number {
    const start = this.at;
    if (length > this.end - start) throw short();
    this.at = start + length;
    return start;
  }
}

const read = (from: Reader, depth: number): unknown => {
  const first = from.bytes[from.skip(1)]!;
  if (first < format.map) return first;
  if (first < format.array) return readFields(from, first & 0x0f, depth);
  if (first < format.text) return readElements(from, first & 0x0f, depth);
  if (first < format.nil) return readText(from, first & 0x1f);
  if (first >= format.negative) return first - 0x100;
  return readOther(from, first, depth);
};

const readOther = (from: Reader, first: number, depth: number): unknown => {
  switch (first) {
    case format.nil:
      return null;
    case format.false:
      return false;
    case format.true:
      return true;
    case format.uint8:
      return from.bytes[from.skip(1)]!;
    case format.uint16:
      return readUint16(from);
    case format.uint32:
      return readUint32(from);
    case format.int8:
      return (from.bytes[from.skip(1)]! << 24) >> 24;
    case format.int16:
      return (readUint16(from) << 16) >> 16;
    case format.int32:
      return readUint32(from) | 0;
    case format.uint64:
      return from.view.getBigUint64(from.skip(8));
    case format.int64:
      return from.view.getBigInt64(from.skip(8));
    case format.float32:
      return from.view.getFloat32(from.skip(4));
    case format.float64:
      return readFloat64(from);
    case format.text8:
      return readText(from, from.bytes[from.skip(1)]!);
    case format.text16:
      return readText(from, readUint16(from));
    case format.text32:
      return readText(from, readUint32(from));
    case format.bytes8:
      return readBytes(from, from.bytes[from.skip(1)]!);
    case format.bytes16:
      return readBytes(from, readUint16(from));
    case format.bytes32:
      return readBytes(from, readUint32(from));
    case format.array16:
      return readElements(from, readUint16(from), depth);
    case format.array32:
      return readElements(from, readUint32(from), depth);
    case format.map16:
      return readFields(from, readUint16(from), depth);
    case format.map32:
      return readFields(from, readUint32(from), depth);
    case format.extension8:
      return readExtension(from, from.bytes[from.skip(1)]!, depth);
    case format.extension16:
      return readExtension(from, readUint16(from), depth);
    case format.extension32:
      return readExtension(from, readUint32(from), depth);
    default:
      if (first >= format.fixed1 && first <= format.fixed16) return readExtension(from, 1 << (first - format.fixed1), depth);
      throw new Error(`no value begins with byte 0x${first.toString(16)}`);
  }
};

const readUint16 = (from: Reader): number => {
  const at = from.skip(2);
  return (from.bytes[at]! << 8) | from.bytes[at + 1]!;
};

const readUint32 = (from: Reader): number => {
  const at = from.skip(4);
  const { bytes } = from;
  return bytes[at]! * 0x1000000 + ((bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!);
};

const eight = new Uint8Array(8);
const eightView = new DataView(eight.buffer);

// Eight bytes through a view that exists already are faster than a view of their own.
const readFloat64 = (from: Reader): number => {
  const at = from.skip(8);
  const { bytes } = from;
  for (let index = 0; index < 8; index++) eight[index] = bytes[at + index]!;
  return eightView.getFloat64(0);
};

const readText = (from: Reader, length: number): string => {
  const start = from.skip(length);
  const text = decodeUtf8(from.bytes, start, start + length);
  if (text === undefined) throw new Error("a text in it is not UTF-8");
  return text;
};

const readBytes = (from: Reader, length: number): Uint8Array => {
  const start = from.skip(length);
  return copyOf(from, start, length);
};

const copyOf = (from: Reader, start: number, length: number): Uint8Array<ArrayBuffer> => {
  const copy = new Uint8Array(length);
  copy.set(from.bytes.subarray(start, start + length));
  return copy;
};

const readElements = (from: Reader, count: number, depth: number): unknown[] => {
  checkCount(from, count, depth);
  const elements: unknown[] = [];
  for (let index = 0; index < count; index++) elements.push(read(from, depth + 1));
  return elements;
};

const readFields = (from: Reader, count: number, depth: number): unknown => {
  checkCount(from, count, depth);
  const object: Record<string, unknown> = {};
  for (let index = 0; index < count; index++) {
    const name = readName(from, depth);
    const value = read(from, depth + 1);
    // Assigning would change the object's prototype.
    if (name === "__proto__") Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
    else object[name] = value;
  }
  return object;
};

/**
 * Names of fields come again and again, so they are looked up by their bytes: a string that exists already needs no making, and is found faster as a field. A slot
 * keeps the last name that fell into it; what is found is compared byte by byte, so the table decides about speed only.
 */
const names: ({ readonly bytes: Uint8Array; readonly text: string } | undefined)[] = new Array(1024).fill(undefined);

const readName = (from: Reader, depth: number): string => {
  const { bytes } = from;
  if (from.at >= from.end) throw short();
  const first = bytes[from.at]!;
  if (first <= format.text || first >= format.nil) return readLongName(from, depth);
  const length = first & 0x1f;
  const start = from.at + 1;
  if (length > from.end - start) throw short();
  const slot = ((length << 5) ^ (bytes[start]! << 3) ^ (bytes[start + (length >> 1)]! << 1) ^ bytes[start + length - 1]!) & 1023;
  from.at = start + length;
  const known = names[slot];
  if (known !== undefined && known.bytes.length === length) {
    let index = 0;
    while (index < length && known.bytes[index] === bytes[start + index]) index++;
    if (index === length) return known.text;
  }
  for (let index = 0; index < length; index++) {
    if (bytes[start + index]! > 0x7f) {
      from.at = start;
      return readText(from, length);
    }
  }
  const text = latin1(bytes, start, start + length);
  names[slot] = { bytes: copyOf(from, start, length), text };
  return text;
};

const readLongName = (from: Reader, depth: number): string => {
  const name = read(from, depth);
  if (typeof name !== "string") throw new Error(`a field in it is named by a ${typeof name}`);
  return name;
};

const readExtension = (from: Reader, length: number, depth: number): unknown => {
  const type = from.bytes[from.skip(1)]!;
  const start = from.skip(length);
  const end = from.at;
  switch (type) {
    case extension.undefined:
      return undefined;
    case extension.date:
      if (length !== 8) throw new Error(`a date in it has ${length} bytes`);
      return dateOf(from.view.getFloat64(start));
    case extension.bigint:
      return readBigint(from.bytes, start, end);
    case extension.map:
    case extension.set: {
      from.at = start;
      const elements = read(from, depth + 1);
      if (!Array.isArray(elements) || from.at !== end) throw new Error("a Map or Set in it does not hold together");
      return type === extension.set ? new Set(elements) : mapOf(elements);
    }
    case extension.arrayBuffer:
      return copyOf(from, start, length).buffer;
    default: {
      const array = typedArrays.get(type);
      if (array === undefined) throw new Error(`extension type ${type} is unknown`);
      if (length % array.width !== 0) throw new Error(`${array.name} in it has ${length} bytes`);
      const copy = copyOf(from, start, length);
      toLittleEndian(copy, array.width);
      return array.of(copy.buffer);
    }
  }
};

const mapOf = (elements: readonly unknown[]): Map<unknown, unknown> => {
  const map = new Map<unknown, unknown>();
  for (let index = 0; index + 1 < elements.length; index += 2) map.set(elements[index], elements[index + 1]);
  return map;
};

const readBigint = (bytes: Uint8Array, start: number, end: number): bigint => {
  let hex = "0x0";
  for (let at = start; at < end; at++) hex += bytes[at]!.toString(16).padStart(2, "0");
  return BigInt.asIntN((end - start) * 8, BigInt(hex));
};

// Each element takes a byte at least: a count that cannot be right is found before anything is allocated for it.
const checkCount = (from: Reader, count: number, depth: number): void => {
  if (depth >= depthMax) throw new Error(`it is nested deeper than ${depthMax} levels`);
  if (count > from.end - from.at) throw short();
};

const short = (): Error => new Error("they end in the middle of it");
