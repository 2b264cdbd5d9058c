import type { Serde } from "../serde/serde.ts";
import { Stamped } from "../state/stamped.ts";
import { type ChangeOptions, forwardChanges } from "./forward_changes.ts";
import { type KeyOptions, keyed } from "./keyed.ts";
import type { OperatorFactory } from "./operator.ts";
import { deleteRow, tableRows } from "./table_rows.ts";

/** A table step and how its rows are written. */
export interface TableOptions extends KeyOptions, ChangeOptions {
  /** @default self-describing */
  readonly serde?: Serde<any> | undefined;
}

/**
 * Keeps the latest value per key, with its timestamp, and sends every change on; null deletes. Latest is what came last, whatever its timestamp says, and a deletion is sent on even if nothing was there (Kafka Streams: KTableSource).
 */
export const tableOperator =
  (options: TableOptions = {}): OperatorFactory =>
  (context) => {
    const rows = tableRows<unknown>(context.state, options.serde);
    const { forward, flush } = forwardChanges(context, options);
    const { before, cached } = options;
    return {
      inputs: [
        keyed(context, options, (value, record) => {
          const was = before || cached ? rows.get()?.value : undefined;
          if (value === null || value === undefined) {
            deleteRow(rows, options);
            forward(null, record, was);
          } else {
            rows.set(new Stamped(record.timestamp, value));
            forward(value, record, was);
          }
        }),
      ],
      ...(flush === undefined ? {} : { onCommit: flush, onWatermark: flush }),
    };
  };

/** Keeps the rows of a table that another step makes, so that they can be looked up and old ones are known, and sends its changes on. */
export const materializeOperator =
  (options: TableOptions = {}): OperatorFactory =>
  (context) => {
    const rows = tableRows<unknown>(context.state, options.serde);
    const { forward, flush } = forwardChanges(context, options);
    return {
      inputs: [
        keyed(context, options, (value, record) => {
          const was = rows.get()?.value;
          if (value === null || value === undefined) deleteRow(rows, options);
          else rows.set(new Stamped(record.timestamp, value));
          forward(value ?? null, record, was);
        }),
      ],
      ...(flush === undefined ? {} : { onCommit: flush, onWatermark: flush }),
    };
  };
