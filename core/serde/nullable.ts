import { ProduceError } from "../errors.ts";
import type { Serde } from "./serde.ts";

/**
 * The same serde, for a topic in which Kafka's null is a value; without it a null value is a DecodeError, and in a table a deletion. Null has no bytes, so the
 * engine never hands one to `serialize`.
 */
export const nullable = <T>(serde: Serde<T>): Serde<T | null> => ({
  takesNull: true,
  serialize: (value, topic) => {
    if (value === null)
      throw new ProduceError("ENCODE_FAILED", "Cannot turn null into bytes: a record with Kafka's null as value stands for it");
    return serde.serialize(value, topic);
  },
  deserialize: (bytes, topic) => serde.deserialize(bytes, topic),
  ...(serde.open === undefined
    ? {}
    : { open: (topic: string, where: "key" | "value", use: "read" | "write") => serde.open!(topic, where, use) }),
  ...(serde.prepare === undefined ? {} : { prepare: (bytes: Uint8Array, topic: string) => serde.prepare!(bytes, topic) }),
  ...(serde.name === undefined ? {} : { name: serde.name }),
});
