import type { ByteWriter } from "../serde/byte_writer.ts";

/**
 * How the second part of a composite key becomes bytes: what tells apart the elements of a list, the entries of a map, the windows of a key. Byte order is the order in which
 * entries are walked, and `compare` is the same order.
 */
export interface SubKey<S> {
  encode(sub: S): Uint8Array;
  /** The bytes of `encode`, where the caller wants them. */
  write?(to: ByteWriter, sub: S): void;
  decode(bytes: Uint8Array): S;
  /** Something cheap that is equal exactly when the sub-keys are. */
  mapKey(sub: S): string | number | bigint | boolean;
  compare(a: S, b: S): number;
}

const view = new DataView(new ArrayBuffer(8));

export const writeSubKey = <S>(codec: SubKey<S>, to: ByteWriter, sub: S): void => {
  if (codec.write === undefined) to.append(codec.encode(sub));
  else codec.write(to, sub);
};

/** Writes a number so that unsigned byte order is numeric order, negative numbers and infinities included. -0 counts as 0. */
export const writeSortable = (target: Uint8Array, at: number, value: number): void => {
  view.setFloat64(0, value === 0 ? 0 : value);
  const negative = (view.getUint8(0) & 0x80) !== 0;
  for (let i = 0; i < 8; i++) target[at + i] = negative ? ~view.getUint8(i) & 0xff : view.getUint8(i);
  if (!negative) target[at] = target[at]! ^ 0x80;
};

export const putSortable = (to: ByteWriter, value: number): void => {
  to.room(8);
  writeSortable(to.bytes, to.at, value);
  to.at += 8;
};

export const readSortable = (bytes: Uint8Array, at: number): number => {
  const negative = (bytes[at]! & 0x80) === 0;
  for (let i = 0; i < 8; i++) view.setUint8(i, negative ? ~bytes[at + i]! & 0xff : bytes[at + i]!);
  if (!negative) view.setUint8(0, view.getUint8(0) ^ 0x80);
  return view.getFloat64(0);
};

/** Numbers in numeric order: sequence numbers and timestamps. */
export const numberSubKey: SubKey<number> = {
  encode: (sub) => {
    const bytes = new Uint8Array(8);
    writeSortable(bytes, 0, sub);
    return bytes;
  },
  write: putSortable,
  decode: (bytes) => readSortable(bytes, 0),
  mapKey: (sub) => sub,
  compare: (a, b) => a - b,
};

/** Two numbers, the first one first: a timestamp and a sequence number, the start and the end of a window. */
export const pairSubKey: SubKey<readonly [number, number]> = {
  encode: (sub) => {
    const bytes = new Uint8Array(16);
    writeSortable(bytes, 0, sub[0]);
    writeSortable(bytes, 8, sub[1]);
    return bytes;
  },
  write: (to, sub) => {
    putSortable(to, sub[0]);
    putSortable(to, sub[1]);
  },
  decode: (bytes) => [readSortable(bytes, 0), readSortable(bytes, 8)],
  mapKey: (sub) => `${sub[0]}:${sub[1]}`,
  compare: (a, b) => a[0] - b[0] || a[1] - b[1],
};

/** A timestamp, and a place among what has that timestamp. */
export type Place = readonly [timestamp: number, place: number];

export const comparePlaces = (a: Place, b: Place): number => a[0] - b[0] || a[1] - b[1];

/** Mostly a timestamp stands alone: its place, zero, costs nothing in the store and its key in a Map is a number. */
export const placeSubKey: SubKey<Place> = {
  encode: ([timestamp, place]) => {
    const bytes = new Uint8Array(place === 0 ? 8 : 16);
    writeSortable(bytes, 0, timestamp);
    if (place !== 0) writeSortable(bytes, 8, place);
    return bytes;
  },
  write: (to, [timestamp, place]) => {
    putSortable(to, timestamp);
    if (place !== 0) putSortable(to, place);
  },
  decode: (bytes) => [readSortable(bytes, 0), bytes.length > 8 ? readSortable(bytes, 8) : 0],
  mapKey: ([timestamp, place]) => (place === 0 ? timestamp : `${timestamp}:${place}`),
  compare: comparePlaces,
};
