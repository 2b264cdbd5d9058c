import type { Meta, RecordMeta } from "../record.ts";
import { StreamTime } from "../state/stream_time.ts";
import { type TimeKey, timeKey } from "../state/time_key.ts";
import { type HeldChange, heldChange, heldChangeCodec, heldChangeMeta } from "./held_change.ts";
import type { OperatorFactory } from "./operator.ts";
import type { JoinSide } from "./table_table_join_operator.ts";
import type { Lookup } from "./table_view.ts";

/** How a stream looks into the past of a table, by the largest timestamp that the stream has seen. */
export interface AsOfJoin {
  readonly left: boolean;
  readonly joiner: (left: any, right: any, record: Meta<any>) => unknown;
  readonly table: JoinSide;
  /** A record waits until stream time has come so far behind its timestamp; 0: it does not wait. */
  readonly latenessMs: number;
}

/**
 * Joins each record with the row that its key had at the record's own time, as far as the table knows it when stream time, that of the records alone, has come to that time plus the lateness. Records leave in the order of their
 * timestamps; one that is later than the lateness is joined at once. A record without key cannot match: an inner join drops and counts it, a left join lets it through at once; one without value is dropped (Kafka Streams:
 * KStreamKTableJoin with a versioned table and a grace period).
 */
export const asOfJoinOperator =
  ({ left, joiner, table, latenessMs }: AsOfJoin): OperatorFactory =>
  (context) => {
    let rows: Lookup;
    const state = latenessMs > 0 ? context.state : undefined;
    const waiting = state?.ordered<TimeKey, HeldChange>("a:waiting", timeKey, heldChangeCodec);
    const time = state === undefined ? undefined : new StreamTime(state);
    const join = (value: unknown, record: RecordMeta): void => {
      const { key, timestamp } = record;
      const row = key === null || key === undefined ? undefined : rows.asOf!(key, timestamp)?.value;
      if (row !== undefined || left) context.emit(joiner(value, row, record), record);
    };
    return {
      inputs: [
        (value, record) => {
          const { key, timestamp } = record;
          if (value === null || value === undefined) {
            context.count("dropped_null_value");
            return;
          }
          if (key === null || key === undefined) {
            if (left) join(value, record);
            else context.count("dropped_null_key");
            return;
          }
          if (waiting === undefined || timestamp < time!.now - latenessMs) {
            join(value, record);
            return;
          }
          const now = time!.advance(timestamp);
          const at = { time: timestamp, rank: 0, key: state!.keys.encode(key).slice() };
          let number = 0;
          while (waiting.has({ ...at, number })) number++;
          waiting.set({ ...at, number }, heldChange(value, record));
          for (let first = waiting.first(); first !== undefined && first[0].time <= now - latenessMs; first = waiting.first()) {
            waiting.delete(first[0]);
            join(first[1].value, heldChangeMeta(first[1]));
          }
        },
      ],
      open: () => {
        rows = table.view(table.stores.map((store) => context.stateOf(store)));
      },
    };
  };
