import * as E from "fp-ts/lib/Either.js";
import { StoreError } from "../errors.ts";
import { primitiveKey, typedKey } from "../serde/canonical_key.ts";
import { selfDescribing } from "../serde/self_describing.ts";
import type { Serde } from "../serde/serde.ts";
import { latin1 } from "../serde/utf8.ts";
import type { KeyCodec, MapKey, ValueCodec } from "./step_state.ts";

/** How a step writes its values: with the user's serde, or with the self-describing default. */
export const valueCodec = <T>(serde: Serde<T> = selfDescribing as Serde<T>): ValueCodec<T> => ({
  encode: (value) => serde.serialize(value, ""),
  decode: (bytes) => {
    const decoded = serde.deserialize(bytes, "");
    if (E.isRight(decoded)) return decoded.right;
    throw new StoreError("STORE_FAILED", `Cannot read stored state: ${decoded.left.message}; did its serde or its type change?`, {
      cause: decoded.left,
    });
  },
});

/** How a step writes its keys: with the user's serde, or canonically, a bigint apart from the number that it equals, so that a timer gets back what was set. Equal keys have equal bytes either way. */
export const keyCodec = (serde: Serde<any> | undefined): KeyCodec => {
  const { encode, decode } = valueCodec<unknown>(serde ?? typedKey);
  if (serde === undefined)
    return {
      encode,
      decode,
      mapKey: (key) =>
        typeof key === "bigint" ? key : typeof key === "object" && key !== null ? nameOf(encode(key)) : (primitiveKey(key) as MapKey),
    };
  // A key of the user's own type is known by its bytes; what is primitive already is known by itself.
  return {
    encode,
    decode,
    mapKey: (key) => (typeof key === "object" && key !== null ? nameOf(encode(key)) : (key as MapKey)),
  };
};

const nameOf = (bytes: Uint8Array): string => latin1(bytes, 0, bytes.length);
