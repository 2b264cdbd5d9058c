import type { Meta, RecordMeta } from "../record.ts";
import { beforeOf, Change } from "./change.ts";
import type { OperatorFactory } from "./operator.ts";

type Callback<R> = (value: any, record: Meta<any>) => R;

/** What becomes of one row: another one, or null for none. */
type RowFunction = (value: unknown, record: RecordMeta) => unknown;

/**
 * The rows that fulfil the condition. Where old rows are known, a change between two rows that do not is kept back; otherwise it deletes (Kafka Streams: KTableFilter).
 * @param versioned every change is sent on, so that those behind know of every version
 */
export const filterTableOperator = (fn: Callback<boolean>, versioned: boolean): OperatorFactory =>
  rowOperator(filterRow(fn), !versioned, true);

/**
 * Another value for each row.
 * @param before somebody behind asks what was there before, so that the function is called for the old row, too
 */
export const mapTableOperator = (fn: Callback<unknown>, before: boolean): OperatorFactory => rowOperator(fn as RowFunction, false, before);

export const filterRow =
  (fn: Callback<boolean>): RowFunction =>
  (value, record) =>
    fn(value, record) ? value : null;

const rowOperator =
  (row: RowFunction, quiet: boolean, knowsBefore: boolean): OperatorFactory =>
  ({ emit }) => {
    const made = (value: unknown, record: RecordMeta): unknown =>
      value === null || value === undefined ? null : (row(value, record) ?? null);
    return {
      inputs: [
        (value, record) => {
          const now = made(value, record);
          if (!(record instanceof Change)) {
            emit(now, record);
            return;
          }
          const before = knowsBefore ? made(beforeOf(record), record) : null;
          if (quiet && now === null && before === null) return;
          emit(now, new Change(record, record.timestamp, before ?? undefined, record.latest));
        },
      ],
    };
  };
