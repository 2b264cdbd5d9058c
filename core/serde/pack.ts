import { ProduceError } from "../errors.ts";
import type { ByteWriter } from "./byte_writer.ts";
import { type Kind, kindOf } from "./kind.ts";
import { depthMax, extension, format, toLittleEndian, typedArrays } from "./pack_tags.ts";
import { shown } from "./shown.ts";

/** Writes any value that is data; `depth` is how deep it stands in what is being written. */
export const pack = (to: ByteWriter, value: unknown, depth: number): void => {
  switch (typeof value) {
    case "string":
      packText(to, value);
      return;
    case "number":
      packNumber(to, value);
      return;
    case "boolean":
      to.byte(value ? format.true : format.false);
      return;
    case "undefined":
      packExtensionHead(to, extension.undefined, 1);
      to.byte(0);
      return;
    case "bigint":
      packBigint(to, value);
      return;
    case "object":
      if (value === null) to.byte(format.nil);
      else packObject(to, value, depth);
      return;
    default:
      throw refused(value, "only data can be kept");
  }
};

const packText = (to: ByteWriter, value: string): void => {
  const length = value.length;
  if (length < 32) {
    // The usual case by far, and every field name: short and ASCII.
    to.room(length + 1);
    const { bytes } = to;
    const start = to.at;
    let index = 0;
    for (; index < length; index++) {
      const unit = value.charCodeAt(index);
      if (unit > 0x7f) break;
      bytes[start + 1 + index] = unit;
    }
    if (index === length) {
      bytes[start] = format.text | length;
      to.at = start + 1 + length;
      return;
    }
  }
  // Room for all of it first: making room moves `at`.
  to.room(5 + length * 3);
  const start = to.at;
  to.at += 5;
  if (!to.utf8(value)) throw refused(value, "it holds half of a surrogate pair, was it cut in the middle of a character?");
  const written = to.at - start - 5;
  const head = written < 32 ? 1 : written < 0x100 ? 2 : written < 0x10000 ? 3 : 5;
  if (head < 5) to.bytes.copyWithin(start + head, start + 5, to.at);
  to.at = start;
  packLength(to, written, format.text, 32, format.text8, format.text16);
  to.at += written;
};

/** Writes the head of something counted: short form, then 8 bits (where there is such a form), 16 and 32; the forms follow each other in MessagePack. */
const packLength = (to: ByteWriter, length: number, short: number, shortMax: number, form8: number, form16: number): void => {
  to.room(5);
  const { bytes } = to;
  if (length < shortMax) {
    bytes[to.at++] = short | length;
  } else if (length < 0x100 && form8 !== 0) {
    bytes[to.at++] = form8;
    bytes[to.at++] = length;
  } else if (length < 0x10000) {
    bytes[to.at++] = form16;
    bytes[to.at++] = length >> 8;
    bytes[to.at++] = length;
  } else {
    bytes[to.at++] = form16 + 1;
    packUint32(to, length);
  }
};

const packUint32 = (to: ByteWriter, value: number): void => {
  to.view.setUint32(to.at, value);
  to.at += 4;
};

const packNumber = (to: ByteWriter, value: number): void => {
  to.room(9);
  const { bytes } = to;
  const whole = value | 0;
  if (whole !== value || (whole === 0 && 1 / value < 0)) {
    if (value >>> 0 === value && value !== 0) {
      bytes[to.at++] = format.uint32;
      packUint32(to, value);
      return;
    }
    bytes[to.at++] = format.float64;
    to.view.setFloat64(to.at, value);
    to.at += 8;
  } else if (whole >= 0) {
    if (whole < 0x80) {
      bytes[to.at++] = whole;
    } else if (whole < 0x100) {
      bytes[to.at++] = format.uint8;
      bytes[to.at++] = whole;
    } else if (whole < 0x10000) {
      bytes[to.at++] = format.uint16;
      bytes[to.at++] = whole >> 8;
      bytes[to.at++] = whole;
    } else {
      bytes[to.at++] = format.uint32;
      packUint32(to, whole);
    }
  } else if (whole >= -32) {
    bytes[to.at++] = whole;
  } else if (whole >= -0x80) {
    bytes[to.at++] = format.int8;
    bytes[to.at++] = whole;
  } else if (whole >= -0x8000) {
    bytes[to.at++] = format.int16;
    bytes[to.at++] = whole >> 8;
    bytes[to.at++] = whole;
  } else {
    bytes[to.at++] = format.int32;
    packUint32(to, whole);
  }
};

const packBigint = (to: ByteWriter, value: bigint): void => {
  to.room(9);
  if (BigInt.asIntN(64, value) === value) {
    to.bytes[to.at++] = format.int64;
    to.view.setBigInt64(to.at, value);
    to.at += 8;
    return;
  }
  // Two's complement of as many whole bytes as hold the value and its sign.
  let bits = 8 * Math.ceil((value < 0n ? -value : value).toString(16).length / 2);
  if (BigInt.asIntN(bits, value) !== value) bits += 8;
  const hex = BigInt.asUintN(bits, value)
    .toString(16)
    .padStart(bits / 4, "0");
  packExtensionHead(to, extension.bigint, bits / 8);
  to.room(bits / 8);
  for (let index = 0; index < hex.length; index += 2) to.bytes[to.at++] = Number.parseInt(hex.slice(index, index + 2), 16);
};

const packExtensionHead = (to: ByteWriter, type: number, length: number): void => {
  to.room(6);
  const { bytes } = to;
  const power = fixedLengths.indexOf(length);
  if (power >= 0) {
    bytes[to.at++] = format.fixed1 + power;
  } else if (length < 0x100) {
    bytes[to.at++] = format.extension8;
    bytes[to.at++] = length;
  } else if (length < 0x10000) {
    bytes[to.at++] = format.extension16;
    bytes[to.at++] = length >> 8;
    bytes[to.at++] = length;
  } else {
    bytes[to.at++] = format.extension32;
    packUint32(to, length);
  }
  bytes[to.at++] = type;
};

const fixedLengths = [1, 2, 4, 8, 16];

const packObject = (to: ByteWriter, value: object, depth: number): void => {
  if (depth >= depthMax)
    throw new ProduceError("LIMIT_EXCEEDED", `Cannot keep a value that is nested deeper than ${depthMax} levels: does it contain itself?`);
  const kind = kindOf(value);
  if (kind === "Object") packFields(to, value as Readonly<Record<string, unknown>>, depth);
  else if (kind === "Array") packElements(to, value as readonly unknown[], depth);
  else packOther(to, value, kind, depth);
};

const packFields = (to: ByteWriter, value: Readonly<Record<string, unknown>>, depth: number): void => {
  const names = Object.keys(value);
  const count = names.length;
  packLength(to, count, format.map, 16, 0, format.map16);
  for (let index = 0; index < count; index++) {
    const name = names[index]!;
    packText(to, name);
    pack(to, value[name], depth + 1);
  }
};

const packElements = (to: ByteWriter, value: readonly unknown[], depth: number): void => {
  const count = value.length;
  packLength(to, count, format.array, 16, 0, format.array16);
  for (let index = 0; index < count; index++) pack(to, value[index], depth + 1);
};

const packOther = (to: ByteWriter, value: object, kind: Kind, depth: number): void => {
  switch (kind) {
    case "Date":
      packExtensionHead(to, extension.date, 8);
      to.room(8);
      to.view.setFloat64(to.at, (value as { getTime(): number }).getTime());
      to.at += 8;
      return;
    case "Uint8Array":
      packBytes(to, value as Uint8Array);
      return;
    case "Map":
      packNested(to, extension.map, () => {
        const map = value as ReadonlyMap<unknown, unknown>;
        packLength(to, map.size * 2, format.array, 16, 0, format.array16);
        for (const [key, element] of map) {
          pack(to, key, depth + 1);
          pack(to, element, depth + 1);
        }
      });
      return;
    case "Set":
      packNested(to, extension.set, () => {
        const set = value as ReadonlySet<unknown>;
        packLength(to, set.size, format.array, 16, 0, format.array16);
        for (const element of set) pack(to, element, depth + 1);
      });
      return;
    case "ArrayBuffer":
      packExtensionHead(to, extension.arrayBuffer, (value as ArrayBuffer).byteLength);
      to.append(new Uint8Array(value as ArrayBuffer));
      return;
    case "other":
      throw refused(value, "an instance of a class cannot be brought back; keep a plain object, or give the step a serde");
    default:
      packTypedArray(to, value as ArrayBufferView, kind);
  }
};

const packBytes = (to: ByteWriter, value: Uint8Array): void => {
  const length = value.length;
  to.room(5);
  const { bytes } = to;
  if (length < 0x100) {
    bytes[to.at++] = format.bytes8;
    bytes[to.at++] = length;
  } else if (length < 0x10000) {
    bytes[to.at++] = format.bytes16;
    bytes[to.at++] = length >> 8;
    bytes[to.at++] = length;
  } else {
    bytes[to.at++] = format.bytes32;
    packUint32(to, length);
  }
  to.append(value);
};

const packTypedArray = (to: ByteWriter, value: ArrayBufferView, kind: Kind): void => {
  for (const [type, { name, width }] of typedArrays) {
    if (name !== kind) continue;
    packExtensionHead(to, type, value.byteLength);
    to.append(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    toLittleEndian(to.bytes.subarray(to.at - value.byteLength, to.at), width);
    return;
  }
};

// The length of what a Map or Set holds is known only afterwards: its head is written in the widest form.
const packNested = (to: ByteWriter, type: number, write: () => void): void => {
  to.room(6);
  to.bytes[to.at] = format.extension32;
  to.bytes[to.at + 5] = type;
  to.at += 6;
  const before = to.length;
  write();
  const length = to.length - before;
  to.view.setUint32(to.at - length - 4 - 1, length);
};

const refused = (value: unknown, why: string): ProduceError => new ProduceError("ENCODE_FAILED", `Cannot keep ${shown(value)}: ${why}`);
