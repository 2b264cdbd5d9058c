import { RecordMeta } from "../record.ts";

/** The record of a change in a table: beside the new value, which travels as any value does, it tells what was there before. Steps that know nothing of tables take it as any other record. */
export class Change extends RecordMeta {
  /** The row before; undefined when there was none. */
  readonly before: unknown;
  /** False when a newer version of the row is known already: only tables with a history hear of such changes. */
  readonly latest: boolean;

  constructor(record: RecordMeta, timestamp: number, before: unknown, latest = true, key: unknown = record.key) {
    super(key, timestamp, record.rawHeaders, record.topic, record.partition, record.offset);
    this.before = before;
    this.latest = latest;
  }
}

/** What was there before, as far as the change tells. */
export const beforeOf = (record: RecordMeta): unknown => (record instanceof Change ? (record.before ?? undefined) : undefined);

/** Whether a newer version of the row is known already. */
export const isLatest = (record: RecordMeta): boolean => !(record instanceof Change) || record.latest;
