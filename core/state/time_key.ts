import { latin1 } from "../serde/utf8.ts";
import { readSortable, type SubKey, writeSortable } from "./sub_key.ts";

/** Where something stands that waits for its time: by the time, then by a rank, then by the bytes of its key, then by a number. */
export interface TimeKey {
  readonly time: number;
  /** 0 to 255. */
  readonly rank: number;
  readonly key: Uint8Array;
  readonly number: number;
}

export const timeKey: SubKey<TimeKey> = {
  encode: ({ time, rank, key, number }) => {
    const bytes = new Uint8Array(17 + key.length);
    writeSortable(bytes, 0, time);
    bytes[8] = rank;
    bytes.set(key, 9);
    writeSortable(bytes, 9 + key.length, number);
    return bytes;
  },
  decode: (bytes) => ({
    time: readSortable(bytes, 0),
    rank: bytes[8]!,
    key: bytes.slice(9, bytes.length - 8),
    number: readSortable(bytes, bytes.length - 8),
  }),
  mapKey: ({ time, rank, key, number }) => `${time}:${rank}:${number}:${latin1(key, 0, key.length)}`,
  compare: (a, b) => a.time - b.time || a.rank - b.rank || compareBytes(a.key, b.key) || a.number - b.number,
};

/** The order of unsigned bytes. */
export const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
};

/** Bytes of any kind in their order. */
export const bytesSubKey: SubKey<Uint8Array> = {
  encode: (bytes) => bytes,
  decode: (bytes) => bytes.slice(),
  mapKey: (bytes) => latin1(bytes, 0, bytes.length),
  compare: compareBytes,
};
