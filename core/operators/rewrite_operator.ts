import { type Draft, draftHeaders, type Meta, RecordMeta } from "../record.ts";
import type { OperatorFactory } from "./operator.ts";

/** New records in place of each: key, timestamp and headers may change. What a draft leaves out stays as it was. */
export const rewriteOperator =
  <V>(fn: (value: V, record: Meta<any>) => Draft<unknown, unknown> | readonly Draft<unknown, unknown>[] | undefined): OperatorFactory =>
  ({ emit }) => ({
    inputs: [
      (value, record) => {
        const drafts = fn(value as V, record);
        if (drafts === undefined) return;
        if (Array.isArray(drafts))
          for (const draft of drafts as readonly Draft<unknown, unknown>[]) emit(draft.value, drafted(draft, record));
        else emit((drafts as Draft<unknown, unknown>).value, drafted(drafts as Draft<unknown, unknown>, record));
      },
    ],
  });

const drafted = ({ key, timestamp, headers }: Draft<unknown, unknown>, record: RecordMeta): RecordMeta => {
  if (timestamp !== undefined && !Number.isFinite(timestamp))
    throw new RangeError(`A record cannot have the timestamp ${String(timestamp)}: give milliseconds since 1970, or leave it out`);
  return new RecordMeta(
    key,
    timestamp ?? record.timestamp,
    draftHeaders(headers, record.rawHeaders),
    record.topic,
    record.partition,
    record.offset,
  );
};
