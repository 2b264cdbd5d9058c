import * as E from "fp-ts/lib/Either.js";
import { DecodeError, ProduceError, reason } from "../errors.ts";
import { type ByteWriter, writeBytes } from "./byte_writer.ts";
import { hint } from "./hint.ts";
import { inPlace } from "./in_place.ts";
import { deeperThan, findPollution, inexactInteger } from "./json_scan.ts";
import { findUnwritable, isWritable } from "./json_unwritable.ts";
import type { Serde } from "./serde.ts";

/** Bounds of what `json` reads. */
export interface JsonLimits {
  /** Longest text that is parsed, in bytes. @default 8 MiB */
  readonly bytesMax?: number;
  /** How deep arrays and objects may be nested. @default 512 */
  readonly depthMax?: number;
}

/**
 * Values as JSON. Without `check` the type is a promise that nobody keeps: with it, a value that fails is a DecodeError.
 *
 * Stricter than JSON.parse, because the text comes from outside: it must be UTF-8 (a byte order mark is skipped); an integer that a number cannot hold exactly is an
 * error that says where it stands, never another number; a field `__proto__`, or a `constructor` with a `prototype` in it, is refused, as merging such a value changes what all
 * objects inherit. Of fields with the same name the last one counts. Stricter than JSON.stringify in writing: NaN, an infinity, Map, Set and typed arrays,
 * of which nothing or not the same would come back, cannot be written. `-0` becomes 0.
 *
 * @example
 * ```ts
 * import { json } from "millrace";
 *
 * const serde = json<{ readonly id: string }>();
 * console.log(serde.deserialize(new TextEncoder().encode('{"id":"a"}'), "orders"));
 * ```
 */
export const json = <T>(check?: (value: unknown) => value is T, limits: JsonLimits = {}): Serde<T> => {
  const bytesMax = limits.bytesMax ?? 8 * 1024 * 1024;
  const depthMax = limits.depthMax ?? 512;
  return inPlace<Serde<T>>({
    name: "json",
    serialize: (value) => writeBytes(writeJson, value as unknown),
    write: writeJson,
    deserialize: (bytes) => {
      if (bytes.length > bytesMax) return E.left(tooMuch(`${bytes.length} bytes are more than the ${bytesMax} allowed`));
      let text: string;
      try {
        text = decoder.decode(bytes);
      } catch {
        return E.left(unreadable(bytes, "they are not UTF-8"));
      }
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch (thrown) {
        // Where a runtime parses by recursion it may give up before the value is there to be measured.
        return E.left(thrown instanceof RangeError ? tooMuch(tooDeep(depthMax)) : unreadable(bytes, whyInvalid(thrown)));
      }
      // A text is at least twice as long as its value is deep.
      if (text.length >= 2 * depthMax && deeperThan(value, depthMax)) return E.left(tooMuch(tooDeep(depthMax)));
      const inexact = inexactInteger(text);
      if (inexact !== undefined)
        return E.left(unreadable(bytes, `a number cannot hold ${inexact} exactly; let the producer write it as a string`));
      if (text.includes("proto") || text.includes("\\u")) {
        const field = findPollution(value);
        if (field !== undefined) return E.left(unreadable(bytes, `field ${JSON.stringify(field)} would change what other objects inherit`));
      }
      const failed = check === undefined ? undefined : failure(check, value);
      return failed === undefined ? E.right(value as T) : E.left(unreadable(bytes, failed));
    },
  });
};

const decoder = new TextDecoder("utf-8", { fatal: true });

const writeJson = (to: ByteWriter, value: unknown): void => {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (thrown) {
    throw new ProduceError("ENCODE_FAILED", `Cannot write a value as JSON: ${reason(thrown)}`, { cause: thrown });
  }
  if (text === undefined) throw new ProduceError("ENCODE_FAILED", `Cannot write ${typeof value} as JSON`);
  // What JSON.stringify loses without a word leaves one of these behind: only then is it worth a look at the value itself.
  if (text.includes("null") || text.includes("{}") || text.includes('{"0":') || text.includes("__proto__")) {
    const unwritable = isWritable(value, 0) ? undefined : findUnwritable(value);
    if (unwritable !== undefined) throw new ProduceError("ENCODE_FAILED", `Cannot write a value as JSON: ${unwritable}`);
  }
  to.utf8(text);
};

/** Why the value does not pass; undefined when it does. */
const failure = (check: (value: unknown) => boolean, value: unknown): string | undefined => {
  const name = check.name === "" ? "its check" : `its check '${check.name}'`;
  try {
    return check(value) ? undefined : `it does not pass ${name}`;
  } catch (thrown) {
    return `${name} threw: ${reason(thrown)}`;
  }
};

// What JSON.parse says quotes the record, and each runtime says it differently.
const whyInvalid = (thrown: unknown): string => {
  const position = /position (\d+)/.exec(reason(thrown))?.[1];
  return position === undefined ? "it is not valid JSON" : `it is not valid JSON at character ${position}`;
};

const unreadable = (bytes: Uint8Array, why: string): DecodeError => {
  const guess = hint(bytes);
  // That JSON looks like JSON helps nobody.
  return new DecodeError("DECODE_FAILED", `Cannot read ${bytes.length} bytes as JSON: ${why}${guess.endsWith("JSON") ? "" : guess}`);
};

const tooDeep = (depthMax: number): string => `it is nested deeper than ${depthMax} levels`;

const tooMuch = (why: string): DecodeError => new DecodeError("LIMIT_EXCEEDED", `Cannot read JSON: ${why}`);
