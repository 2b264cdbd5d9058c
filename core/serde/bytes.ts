import * as E from "fp-ts/lib/Either.js";
import { ProduceError } from "../errors.ts";
import { ByteWriter } from "./byte_writer.ts";
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

const copyOf = (value: Uint8Array, start: number, end: number): Uint8Array => {
  if (end - start > copiedInPoolMax) return new Uint8Array(new Uint8Array(value.buffer, value.byteOffset + start, end - start));
  copies.begin();
  copies.append(value, start, end);
  return copies.take();
};

const copies = new ByteWriter();

// Above this size an allocation of its own is cheap compared with the copy.
const copiedInPoolMax = 2048;
