import type { Serde } from "../serde/serde.ts";
import { Stamped } from "../state/stamped.ts";
import { Change } from "./change.ts";
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

/** What the rows of a table are made by that are kept. */
export interface MaterializeOptions extends TableOptions {
  /** "filter": that something is not there which was not there before is no news. "join": it tells itself what was there before, as far as nothing is held back. @default neither */
  readonly behind?: "filter" | "join" | undefined;
}

/** Keeps the rows of a table that another step makes, so that they can be looked up and old ones are known, and sends its changes on (Kafka Streams: KTableFilter, KTableMapValues and KTableKTableJoinMerger with a store). */
export const materializeOperator =
  (options: MaterializeOptions = {}): OperatorFactory =>
  (context) => {
    const rows = tableRows<unknown>(context.state, options.serde);
    const { forward, flush } = forwardChanges(context, options);
    return {
      inputs: [
        keyed(context, options, (value, record) => {
          const known = rows.get()?.value;
          const gone = value === null || value === undefined;
          if (gone && known === undefined && options.behind === "filter") return;
          if (gone) deleteRow(rows, options);
          else rows.set(new Stamped(record.timestamp, value));
          const was = options.behind === "join" && !options.cached && record instanceof Change ? record.before : known;
          forward(value ?? null, record, was);
        }),
      ],
      ...(flush === undefined ? {} : { onCommit: flush, onWatermark: flush }),
    };
  };
