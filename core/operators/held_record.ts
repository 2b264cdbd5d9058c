import * as E from "fp-ts/lib/Either.js";
import { StoreError } from "../errors.ts";
import type { RawHeaders } from "../ports/log.ts";
import { RecordMeta } from "../record.ts";
import { pack } from "../serde/pack.ts";
import { selfDescribing } from "../serde/self_describing.ts";
import { closeLength, openLength, readLength } from "../state/address.ts";
import { writeWith, writing } from "../state/codecs.ts";
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

/** What stands behind the value. */
type Origin = readonly [headers: RawHeaders, topic: string, partition: number, offset: number];

export const heldRecordCodec = <V>(values: ValueCodec<V>): ValueCodec<HeldRecord<V>> =>
  writing(
    (to, { value, headers, topic, partition, offset }) => {
      const start = openLength(to);
      writeWith(values, to, value);
      closeLength(to, start);
      pack(to, [headers, topic, partition, offset] satisfies Origin, 0);
    },
    (bytes) => {
      const [start, end] = readLength(bytes, 0);
      const decoded = selfDescribing.deserialize(bytes.subarray(end), "");
      if (E.isLeft(decoded))
        throw new StoreError("STORE_FAILED", `Cannot read a waiting record: ${decoded.left.message}`, { cause: decoded.left });
      const [headers, topic, partition, offset] = decoded.right as Origin;
      return { value: values.decode(bytes.subarray(start, end)), headers, topic, partition, offset };
    },
  );
