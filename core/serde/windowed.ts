import * as E from "fp-ts/lib/Either.js";
import { DecodeError, ProduceError } from "../errors.ts";
import { type ByteWriter, writeBytes } from "./byte_writer.ts";
import { hint } from "./hint.ts";
import type { Serde } from "./serde.ts";
import { shown } from "./shown.ts";

/** A key in a window: what the rows of a windowed table are known by. */
export interface WindowedKey<K> {
  readonly key: K;
  readonly window: { readonly start: number; readonly end: number };
}

/**
 * Keys of a windowed table: the key's bytes, then the window's end and its start, 8 bytes big-endian each, as Kafka Streams writes session windows. (It writes
 * time windows without their end, which then has to be configured where they are read.) A bound that is infinite is written as the largest or smallest 64-bit number.
 */
export const windowed = <K>(key: Serde<K>): Serde<WindowedKey<K>> => ({
  serialize: (value, topic) => writeBytes(writeWindowed, { key: key.serialize(value.key, topic), window: value.window }),
  deserialize: (bytes, topic) => {
    const length = bytes.length - 16;
    if (length < 0) {
      return E.left(
        new DecodeError("DECODE_FAILED", `Cannot read ${bytes.length} bytes as a windowed key: the window alone takes 16${hint(bytes)}`, {
          where: "key",
        }),
      );
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset + length, 16);
    const end = int64ToBound(view.getBigInt64(0));
    const start = int64ToBound(view.getBigInt64(8));
    if (end === undefined || start === undefined) {
      const bound = end === undefined ? view.getBigInt64(0) : view.getBigInt64(8);
      return E.left(
        new DecodeError("DECODE_FAILED", `Cannot read a windowed key: ${bound} is no time in milliseconds${hint(bytes)}`, {
          where: "key",
        }),
      );
    }
    const decoded = key.deserialize(bytes.subarray(0, length), topic);
    return E.isLeft(decoded) ? decoded : E.right({ key: decoded.right, window: { start, end } });
  },
  ...(key.open === undefined
    ? {}
    : { open: (topic: string, where: "key" | "value", use: "read" | "write") => key.open!(topic, where, use) }),
  ...(key.prepare === undefined
    ? {}
    : {
        prepare: (bytes: Uint8Array, topic: string) =>
          bytes.length < 16 ? undefined : key.prepare!(bytes.subarray(0, bytes.length - 16), topic),
      }),
  ...(key.name === undefined ? {} : { name: `windowed(${key.name})` }),
});

const writeWindowed = (to: ByteWriter, { key, window }: WindowedKey<Uint8Array>): void => {
  to.append(key);
  to.room(16);
  to.view.setBigInt64(to.at, boundToInt64(window.end, "end"));
  to.view.setBigInt64(to.at + 8, boundToInt64(window.start, "start"));
  to.at += 16;
};

const last = (1n << 63n) - 1n;
const first = -(1n << 63n);

const boundToInt64 = (bound: number, which: string): bigint => {
  if (bound === Number.POSITIVE_INFINITY) return last;
  if (bound === Number.NEGATIVE_INFINITY) return first;
  if (!Number.isSafeInteger(bound))
    throw new ProduceError("ENCODE_FAILED", `Cannot write a window whose ${which} is ${shown(bound)}: whole milliseconds are wanted`);
  return BigInt(bound);
};

const int64ToBound = (bound: bigint): number | undefined => {
  if (bound === last) return Number.POSITIVE_INFINITY;
  if (bound === first) return Number.NEGATIVE_INFINITY;
  const value = Number(bound);
  return Number.isSafeInteger(value) ? value : undefined;
};
