import type { Aggregator } from "../state/aggregator.ts";
import { Stamped } from "../state/stamped.ts";
import { keyed } from "./keyed.ts";
import type { OperatorFactory } from "./operator.ts";
import type { TableOptions } from "./table_operator.ts";
import { tableRows } from "./table_rows.ts";

/**
 * One running aggregate per key, as a table: each record makes a new row. Its timestamp is the largest of those that went into it. A null accumulator deletes the row, and the next record begins anew; a null result hides the row, and the
 * accumulator lives on. Records without key or value are dropped and counted (Kafka Streams: KStreamAggregate).
 */
export const aggregateTableOperator =
  <V, A, R>(aggregator: Aggregator<V, A, R>, options: TableOptions = {}): OperatorFactory =>
  (context) => {
    const { emit, state } = context;
    const rows = tableRows<A>(state, options.serde ?? aggregator.serde);
    const { init, add, result } = aggregator;
    return {
      inputs: [
        keyed(context, options, (value, record) => {
          if (value === null || value === undefined) {
            context.count("dropped_null_value");
            return;
          }
          const before = rows.get();
          const accumulator = add(before === undefined ? init() : before.value, value as V, state.key);
          const changed = before !== undefined && before.at > record.timestamp ? record.withTimestamp(before.at) : record;
          if (accumulator === null || accumulator === undefined) {
            rows.clear();
            emit(null, changed);
          } else {
            rows.set(new Stamped(changed.timestamp, accumulator));
            emit(result === undefined ? accumulator : (result(accumulator) ?? null), changed);
          }
        }),
      ],
    };
  };
