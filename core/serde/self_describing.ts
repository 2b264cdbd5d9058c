import * as E from "fp-ts/lib/Either.js";
import { DecodeError, reason } from "../errors.ts";
import { type ByteWriter, writeBytes } from "./byte_writer.ts";
import { hint } from "./hint.ts";
import { inPlace } from "./in_place.ts";
import { pack } from "./pack.ts";
import type { Decoded, Serde } from "./serde.ts";
import { unpack } from "./unpack.ts";

/**
 * What repartition topics, changelogs and stores are written with where no serde is given: values come back as they were. It keeps bigint, Date, Map, Set, typed
 * arrays, undefined, NaN and -0, nested to a depth of 1000; it refuses, by name, what would come back as something else: functions, symbols, and instances of classes.
 * Objects without prototype come back as plain ones, Node's Buffer as Uint8Array.
 *
 * The form is MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md), so that other tools can look into it, with extension types for what it lacks.
 * Bytes depend on nothing but the value; equal objects with another order of fields have other bytes, so this is not for keys: see `canonicalKey`.
 */
export const selfDescribing: Serde<unknown> = inPlace<Serde<unknown>>({
  name: "self-describing",
  serialize: (value) => writeBytes(packTop, value),
  write: (to, value) => pack(to, value, 0),
  deserialize: (bytes) => readPacked(bytes, 0, bytes.length),
  read: (bytes, start, end) => readPacked(bytes, start, end),
});

const readPacked = (bytes: Uint8Array, start: number, end: number): Decoded<unknown> => {
  try {
    return E.right(unpack(bytes, start, end));
  } catch (thrown) {
    const why = `${reason(thrown)}${hint(bytes.subarray(start, end))}`;
    return E.left(new DecodeError("DECODE_FAILED", `Cannot read ${end - start} bytes as a self-describing value: ${why}`));
  }
};

const packTop = (to: ByteWriter, value: unknown): void => pack(to, value, 0);
