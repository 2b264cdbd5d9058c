import { type Aggregator, resultOf } from "../state/aggregator.ts";
import { Stamped } from "../state/stamped.ts";
import { forwardChanges } from "./forward_changes.ts";
import { keyed } from "./keyed.ts";
import type { OperatorFactory } from "./operator.ts";
import type { TableOptions } from "./table_operator.ts";
import { deleteRow, tableRows } from "./table_rows.ts";

/**
 * One running aggregate per key, as a table: each record makes a new row. Its timestamp is the largest of those that went into it. A null accumulator deletes the row, and the next record begins anew; a null result hides the row, and the
 * accumulator lives on. Records without key or value are dropped and counted (Kafka Streams: KStreamAggregate).
 */
export const aggregateTableOperator =
  <V, A, R>(aggregator: Aggregator<V, A, R>, options: TableOptions = {}): OperatorFactory =>
  (context) => {
    const { state } = context;
    const rows = tableRows<A>(state, options.serde ?? aggregator.serde);
    const { forward, flush } = forwardChanges(context, options);
    const { init, add, result } = aggregator;
    const asked = options.before === true || options.cached === true;
    return {
      inputs: [
        keyed(context, options, (value, record) => {
          if (value === null || value === undefined) {
            context.count("dropped_null_value");
            return;
          }
          const before = rows.get();
          const basis = before === undefined ? init() : before.value;
          const accumulator = add(basis, value as V, state.key);
          const changed = before !== undefined && before.at > record.timestamp ? record.withTimestamp(before.at) : record;
          // A row begins with what `init` gives: groups and filters behind are told that this was there, as Kafka Streams tells them; only what is held back until a commit knows better.
          const was = asked && !(options.cached && before === undefined) ? resultOf(aggregator, basis) : undefined;
          if (accumulator === null || accumulator === undefined) {
            deleteRow(rows, options);
            // Where changes are held back, a deletion has the time of the record that asked for it.
            forward(null, options.cached ? record : changed, was);
          } else {
            rows.set(new Stamped(changed.timestamp, accumulator));
            forward(result === undefined ? accumulator : (result(accumulator) ?? null), changed, was);
          }
        }),
      ],
      ...(flush === undefined ? {} : { onCommit: flush, onWatermark: flush }),
    };
  };
