import { latin1 } from "../../serde/utf8.ts";
import { readSortable, type SubKey, writeSortable } from "../sub_key.ts";
import { compareBytes } from "../time_key.ts";

/** Where an entry of a store stands that has more than one per key: by the bytes of the key, then by two numbers. */
export interface EntryKey {
  readonly key: Uint8Array;
  readonly first: number;
  readonly second: number;
}

export const entryKey: SubKey<EntryKey> = {
  encode: ({ key, first, second }) => {
    const bytes = new Uint8Array(16 + key.length);
    bytes.set(key);
    writeSortable(bytes, key.length, first);
    writeSortable(bytes, key.length + 8, second);
    return bytes;
  },
  decode: (bytes) => ({
    key: bytes.slice(0, bytes.length - 16),
    first: readSortable(bytes, bytes.length - 16),
    second: readSortable(bytes, bytes.length - 8),
  }),
  mapKey: ({ key, first, second }) => `${first}:${second}:${latin1(key, 0, key.length)}`,
  compare: (a, b) => compareBytes(a.key, b.key) || a.first - b.first || a.second - b.second,
};
