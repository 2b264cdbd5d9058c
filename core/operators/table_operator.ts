import type { Serde } from "../serde/serde.ts";
import { Stamped } from "../state/stamped.ts";
import { type KeyOptions, keyed } from "./keyed.ts";
import type { OperatorFactory } from "./operator.ts";
import { tableRows } from "./table_rows.ts";

/** A table step and how its rows are written. */
export interface TableOptions extends KeyOptions {
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
    return {
      inputs: [
        keyed(context, options, (value, record) => {
          if (value === null || value === undefined) {
            rows.clear();
            context.emit(null, record);
          } else {
            rows.set(new Stamped(record.timestamp, value));
            context.emit(value, record);
          }
        }),
      ],
    };
  };
