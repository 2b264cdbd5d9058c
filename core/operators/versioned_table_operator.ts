import { valueCodec } from "../state/codecs.ts";
import type { StepState } from "../state/step_state.ts";
import { VersionedRows } from "../state/versioned_rows.ts";
import { forwardChanges } from "./forward_changes.ts";
import { keyed } from "./keyed.ts";
import type { OperatorFactory } from "./operator.ts";
import type { TableOptions } from "./table_operator.ts";

/** Where a versioned table keeps its rows. One for each state: it remembers nothing itself that the state does not. */
export const versionedRows = <V>(state: StepState, historyMs: number, serde?: TableOptions["serde"]): VersionedRows<V> =>
  new VersionedRows<V>(state, valueCodec(serde), historyMs);

/**
 * Keeps every version of a row for the time of the history. A change whose time lies before that of the row goes into its past and is sent on as what it is, for those behind who want the newest only; one that lies before the history is
 * left out (Kafka Streams: KTableSource with a versioned store).
 */
export const versionedTableOperator =
  (historyMs: number, options: TableOptions = {}): OperatorFactory =>
  (context) => {
    const rows = versionedRows<unknown>(context.state, historyMs, options.serde);
    const { forward, flush } = forwardChanges(context, { ...options, before: true, cached: false });
    return {
      inputs: [
        keyed(context, options, (value, record) => {
          const was = rows.latest()?.value;
          const put = rows.put(value ?? null, record.timestamp);
          if (put === "expired") context.count("late_records");
          else forward(value ?? null, record, was, put === "latest");
        }),
      ],
      ...(flush === undefined ? {} : { onCommit: flush }),
    };
  };
