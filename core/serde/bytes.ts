import * as E from "fp-ts/lib/Either.js";
import { ProduceError } from "../errors.ts";
import { inPlace } from "./in_place.ts";
import type { Serde } from "./serde.ts";
import { shown } from "./shown.ts";

/** Bytes as they are. Reading copies: what comes from the log is a view of a whole fetched batch, which a kept value would hold in memory. */
export const bytes: Serde<Uint8Array> = inPlace<Serde<Uint8Array>>({
  name: "bytes",
  serialize: (value) => {
    if (!(value instanceof Uint8Array))
      throw new ProduceError("ENCODE_FAILED", `Cannot write ${shown(value)} as bytes: a Uint8Array is wanted`);
    return value;
  },
  deserialize: (value) => E.right(copyOf(value, 0, value.length)),
  read: (value, start, end) => E.right(copyOf(value, start, end)),
});

/** Copies of middling size share a page, as what a ByteWriter gives away does; here without the detour, since a copy is all there is to it. */
const copyOf = (value: Uint8Array, start: number, end: number): Uint8Array => {
  const length = end - start;
  let copy: Uint8Array;
  if (length <= heapBytesMax || length > pooledBytesMax) copy = new Uint8Array(length);
  else {
    if (at + length > pageBytes) {
      page = new Uint8Array(pageBytes);
      at = 0;
    }
    copy = new Uint8Array(page.buffer, at, length);
    at += length;
  }
  copy.set(new Uint8Array(value.buffer, value.byteOffset + start, length));
  return copy;
};

const heapBytesMax = 64;
const pooledBytesMax = 2048;
const pageBytes = 8192;
let page = new Uint8Array(pageBytes);
let at = 0;
