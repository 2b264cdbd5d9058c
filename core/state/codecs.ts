import * as E from "fp-ts/lib/Either.js";
import { StoreError } from "../errors.ts";
import { type ByteWriter, shareBytes } from "../serde/byte_writer.ts";
import { primitiveKey, typedKey } from "../serde/canonical_key.ts";
import { writesInPlace } from "../serde/in_place.ts";
import { selfDescribing } from "../serde/self_describing.ts";
import type { Serde } from "../serde/serde.ts";
import { latin1 } from "../serde/utf8.ts";
import type { KeyCodec, MapKey, ValueCodec } from "./step_state.ts";

/** A codec of which the writing is given; what `encode` gives is not meant to last. */
export const writing = <T>(write: (to: ByteWriter, value: T) => void, decode: (bytes: Uint8Array) => T): ValueCodec<T> => ({
  write,
  encode: (value) => shareBytes(write, value),
  decode,
});

/** Writes what a codec encodes, whether it can write by itself or not. */
export const writeWith = <T>(codec: Pick<ValueCodec<T>, "encode" | "write">, to: ByteWriter, value: T): void => {
  if (codec.write === undefined) to.append(codec.encode(value));
  else codec.write(to, value);
};

/** How a step writes its values: with the user's serde, or with the self-describing default. */
export const valueCodec = <T>(serde: Serde<T> = selfDescribing as Serde<T>): ValueCodec<T> => {
  const decode = (bytes: Uint8Array): T => {
    const decoded = serde.deserialize(bytes, "");
    if (E.isRight(decoded)) return decoded.right;
    throw new StoreError("STORE_FAILED", `Cannot read stored state: ${decoded.left.message}; did its serde or its type change?`, {
      cause: decoded.left,
    });
  };
  if (!writesInPlace(serde)) return { encode: (value) => serde.serialize(value, ""), decode };
  return writing((to, value) => serde.write!(to, value), decode);
};

/** How a step writes its keys: with the user's serde, or canonically, a bigint apart from the number that it equals, so that a timer gets back what was set. Equal keys have equal bytes either way. */
export const keyCodec = (serde: Serde<any> | undefined): KeyCodec => {
  const codec = valueCodec<unknown>(serde ?? typedKey);
  const { encode } = codec;
  if (serde === undefined)
    return {
      ...codec,
      mapKey: (key) =>
        typeof key === "bigint" ? key : typeof key === "object" && key !== null ? nameOf(encode(key)) : (primitiveKey(key) as MapKey),
    };
  // A key of the user's own type is known by its bytes; what is primitive already is known by itself.
  return {
    ...codec,
    mapKey: (key) => (typeof key === "object" && key !== null ? nameOf(encode(key)) : (key as MapKey)),
  };
};

const nameOf = (bytes: Uint8Array): string => latin1(bytes, 0, bytes.length);
