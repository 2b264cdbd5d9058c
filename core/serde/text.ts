import * as E from "fp-ts/lib/Either.js";
import { DecodeError, ProduceError } from "../errors.ts";
import { type ByteWriter, writeBytes } from "./byte_writer.ts";
import { hint } from "./hint.ts";
import { inPlace } from "./in_place.ts";
import type { Decoded, Serde } from "./serde.ts";
import { shown } from "./shown.ts";
import { decodeUtf8 } from "./utf8.ts";

/**
 * Strings as UTF-8, as Kafka's StringSerializer writes them. Strict both ways: bytes that are not UTF-8 are a DecodeError, half of a surrogate pair cannot be
 * written, so that no two strings have the same bytes.
 */
export const text: Serde<string> = inPlace<Serde<string>>({
  name: "text",
  serialize: (value) => writeBytes(writeText, value),
  write: (to, value) => writeText(to, value),
  deserialize: (bytes) => readText(bytes, 0, bytes.length),
  read: (bytes, start, end) => readText(bytes, start, end),
});

const readText = (bytes: Uint8Array, start: number, end: number): Decoded<string> => {
  const decoded = decodeUtf8(bytes, start, end);
  return decoded === undefined ? E.left(notText(bytes.subarray(start, end))) : E.right(decoded);
};

const writeText = (to: ByteWriter, value: string): void => {
  if (typeof value !== "string") throw new ProduceError("ENCODE_FAILED", `Cannot write ${shown(value)} as text: a string is wanted`);
  if (!to.utf8(value))
    throw new ProduceError(
      "ENCODE_FAILED",
      `Cannot write ${shown(value)} as text: it holds half of a surrogate pair, was it cut in the middle of a character?`,
    );
};

const notText = (bytes: Uint8Array): DecodeError =>
  new DecodeError("DECODE_FAILED", `Cannot read ${bytes.length} bytes as text: they are not UTF-8${hint(bytes)}`);
