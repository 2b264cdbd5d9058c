import * as E from "fp-ts/lib/Either.js";
import { StoreError } from "../errors.ts";
import type { RawHeaders } from "../ports/log.ts";
import { RecordMeta } from "../record.ts";
import { selfDescribing } from "../serde/self_describing.ts";
import type { ValueCodec } from "../state/step_state.ts";

/** A record that waits in state; key and timestamp stand in its address. */
export interface HeldRecord<out V> {
  readonly value: V;
  readonly headers: RawHeaders;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export const held = <V>(value: V, { rawHeaders, topic, partition, offset }: RecordMeta): HeldRecord<V> => ({
  value,
  headers: rawHeaders,
  topic,
  partition,
  offset,
});

/** The record's meta as it was. */
export const heldMeta = ({ headers, topic, partition, offset }: HeldRecord<unknown>, key: unknown, timestamp: number): RecordMeta =>
  new RecordMeta(key, timestamp, headers, topic, partition, offset);

type Written = readonly [value: Uint8Array, headers: RawHeaders, topic: string, partition: number, offset: number];

export const heldRecordCodec = <V>(values: ValueCodec<V>): ValueCodec<HeldRecord<V>> => ({
  encode: ({ value, headers, topic, partition, offset }) =>
    selfDescribing.serialize([values.encode(value), headers, topic, partition, offset] satisfies Written, ""),
  decode: (bytes) => {
    const decoded = selfDescribing.deserialize(bytes, "");
    if (E.isLeft(decoded))
      throw new StoreError("STORE_FAILED", `Cannot read a waiting record: ${decoded.left.message}`, { cause: decoded.left });
    const [value, headers, topic, partition, offset] = decoded.right as Written;
    return { value: values.decode(value), headers, topic, partition, offset };
  },
});
