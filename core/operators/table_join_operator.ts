import type { Meta } from "../record.ts";
import type { OperatorFactory } from "./operator.ts";
import type { JoinSide } from "./table_table_join_operator.ts";
import type { Lookup } from "./table_view.ts";

/** How a stream looks into a table. */
export interface TableJoin<L, R, Q> {
  /** A record without a row is joined with undefined, instead of being left out. */
  readonly left: boolean;
  readonly joiner: (left: L, right: R, record: Meta<any>) => Q;
  readonly table: Pick<JoinSide, "view" | "stores">;
  /** Takes the key to look for from the record. @default its own */
  readonly on?: ((value: any, record: Meta<any>) => unknown) | undefined;
}

/**
 * Joins each record with the row that its key has at this moment, whatever the timestamps; changes of the table send nothing. The result has the record's key, timestamp and headers. A record without key cannot match: an inner join
 * drops and counts it. So it is with null values (Kafka Streams: KStreamKTableJoin).
 */
export const tableJoinOperator =
  <L, R, Q>({ left, joiner, table, on }: TableJoin<L, R | undefined, Q>): OperatorFactory =>
  (context) => {
    let rows: Lookup;
    return {
      inputs: [
        (value, record) => {
          if (value === null || value === undefined) {
            context.count("dropped_null_value");
            return;
          }
          const key = on === undefined ? record.key : on(value, record);
          let right: unknown;
          if (key !== null && key !== undefined) right = rows.get(key)?.value;
          else if (!left) {
            context.count("dropped_null_key");
            return;
          }
          if (right === undefined || right === null) {
            if (left) context.emit(joiner(value as L, undefined, record), record);
          } else context.emit(joiner(value as L, right as R, record), record);
        },
      ],
      open: () => {
        // Only now: the table's own step has to be the first to say how its rows are written.
        rows = table.view(table.stores.map((store) => context.stateOf(store)));
      },
    };
  };
