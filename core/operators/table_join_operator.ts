import type { Meta } from "../record.ts";
import type { StepState } from "../state/step_state.ts";
import type { OperatorFactory } from "./operator.ts";
import { tableRows } from "./table_rows.ts";

/** How a stream looks into a table. */
export interface TableJoin<L, R, Q> {
  /** A record without a row is joined with undefined, instead of being left out. */
  readonly left: boolean;
  readonly joiner: (left: L, right: R, record: Meta<any>) => Q;
  /** The name of the table's store. */
  readonly table: string;
  /** Makes the row of what the store holds: the `result` of an aggregator. @default what it holds is the row */
  readonly row?: ((stored: any) => unknown) | undefined;
}

/**
 * Joins each record with the row that its key has at this moment, whatever the timestamps; changes of the table send nothing. The result has the record's key, timestamp and headers. A record without key cannot match: an inner join
 * drops and counts it. So it is with null values (Kafka Streams: KStreamKTableJoin).
 */
export const tableJoinOperator =
  <L, R, Q>({ left, joiner, table, row }: TableJoin<L, R | undefined, Q>): OperatorFactory =>
  (context) => {
    let state: StepState;
    let rows: ReturnType<typeof tableRows>;
    return {
      inputs: [
        (value, record) => {
          if (value === null || value === undefined) {
            context.count("dropped_null_value");
            return;
          }
          const { key } = record;
          let right: unknown;
          if (key !== null && key !== undefined) {
            state.setKey(key);
            const stored = rows.get()?.value;
            right = stored === undefined || row === undefined ? stored : row(stored);
          } else if (!left) {
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
        state = context.stateOf(table);
        rows = tableRows(state);
      },
    };
  };
