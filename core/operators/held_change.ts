import type { RawHeaders } from "../ports/log.ts";
import { RecordMeta } from "../record.ts";
import { valueCodec } from "../state/codecs.ts";
import type { ValueCodec } from "../state/step_state.ts";

/** A record, or a change of a table, that waits in state under an address which does not tell its key. */
export interface HeldChange {
  readonly key: unknown;
  readonly value: unknown;
  readonly timestamp: number;
  /** What was there before it came. */
  readonly before?: unknown;
  readonly headers: RawHeaders;
  readonly origin: readonly [topic: string, partition: number, offset: number];
}

export const heldChange = (value: unknown, record: RecordMeta, before?: unknown): HeldChange => ({
  key: record.key,
  value,
  timestamp: record.timestamp,
  ...(before === undefined ? {} : { before }),
  headers: record.rawHeaders,
  origin: [record.topic, record.partition, record.offset],
});

/** The record's meta as it was. */
export const heldChangeMeta = ({ key, timestamp, headers, origin }: HeldChange): RecordMeta =>
  new RecordMeta(key, timestamp, headers, origin[0], origin[1], origin[2]);

export const heldChangeCodec: ValueCodec<HeldChange> = valueCodec();
