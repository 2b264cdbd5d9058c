import * as E from "fp-ts/lib/Either.js";
import { selfDescribing } from "./self_describing.ts";
import type { Serde } from "./serde.ts";

/**
 * Writes the accumulators of several aggregators as one; undefined when none of them has a serde of its own, as the default then does for all of them
 * together.
 */
export const combinedSerde = (parts: { readonly [name: string]: { readonly serde?: Serde<any> } }): Serde<unknown> | undefined => {
  const own = Object.entries(parts).flatMap(([name, { serde }]) => (serde === undefined ? [] : [[name, serde] as const]));
  if (own.length === 0) return undefined;
  return {
    serialize: (value, topic) => {
      const framed: Record<string, unknown> = { ...(value as Record<string, unknown>) };
      for (const [name, serde] of own) framed[name] = serde.serialize(framed[name], topic);
      return selfDescribing.serialize(framed, topic);
    },
    deserialize: (bytes, topic) => {
      const framed = selfDescribing.deserialize(bytes, topic);
      if (E.isLeft(framed)) return framed;
      const value: Record<string, unknown> = { ...(framed.right as Record<string, unknown>) };
      for (const [name, serde] of own) {
        const part = serde.deserialize(value[name] as Uint8Array, topic);
        if (E.isLeft(part)) return part;
        value[name] = part.right;
      }
      return E.right(value);
    },
  };
};
