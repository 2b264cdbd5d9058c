import * as E from "fp-ts/lib/Either.js";
import { ProduceError } from "../errors.ts";
import { type ByteWriter, writeBytes } from "./byte_writer.ts";
import type { Serde } from "./serde.ts";
import { shown } from "./shown.ts";

/** Bytes as they are. Reading copies: what comes from the log is a view of a whole fetched batch, which a kept value would hold in memory. */
export const bytes: Serde<Uint8Array> = {
  name: "bytes",
  serialize: (value) => {
    if (!(value instanceof Uint8Array))
      throw new ProduceError("ENCODE_FAILED", `Cannot write ${shown(value)} as bytes: a Uint8Array is wanted`);
    return value;
  },
  deserialize: (value) => E.right(value.length > copiedInPoolMax ? new Uint8Array(value) : writeBytes(copy, value)),
};

// Above this size an allocation of its own is cheap compared with the copy.
const copiedInPoolMax = 2048;

const copy = (to: ByteWriter, value: Uint8Array): void => to.append(value);
