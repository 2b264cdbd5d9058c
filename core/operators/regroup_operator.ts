import { sameValue } from "../serde/same_value.ts";
import { type Aggregator, resultOf } from "../state/aggregator.ts";
import { Stamped } from "../state/stamped.ts";
import { beforeOf, isLatest } from "./change.ts";
import { forwardChanges } from "./forward_changes.ts";
import { keyed } from "./keyed.ts";
import type { OperatorFactory } from "./operator.ts";
import type { TableOptions } from "./table_operator.ts";
import { deleteRow, tableRows } from "./table_rows.ts";

/** What a change of a table means to a group: a value that goes, and one that comes. */
interface Regrouped {
  readonly subtract?: unknown;
  readonly add?: unknown;
}

/**
 * Sends each change of a table to the groups that it concerns, under their keys: the group that a row leaves is told before the one that it comes to, and one record does where both are the same (Kafka Streams: KTableRepartitionMap). A row
 * without a group is in none.
 * @param versioned changes of the past are left out
 */
export const regroupOperator =
  (key: (value: any, record: any) => unknown, versioned: boolean): OperatorFactory =>
  ({ emit }) => ({
    inputs: [
      (value, record) => {
        if (versioned && !isLatest(record)) return;
        const was = beforeOf(record);
        const to = value === null || value === undefined ? undefined : (key(value, record) ?? undefined);
        const from = was === undefined ? undefined : (key(was, record) ?? undefined);
        if (to !== undefined && from !== undefined && sameValue(to, from)) {
          emit({ subtract: was, add: value } satisfies Regrouped, record.withKey(to));
          return;
        }
        if (from !== undefined) emit({ subtract: was } satisfies Regrouped, record.withKey(from));
        if (to !== undefined) emit({ add: value } satisfies Regrouped, record.withKey(to));
      },
    ],
  });

/**
 * Adds what comes to a group and takes away what goes. The timestamp is the largest of those that went into the row (Kafka Streams: KTableAggregate). A value that goes from a group that is not there has nothing to be taken from.
 */
export const regroupedTableOperator =
  <V, A, R>(aggregator: Aggregator<V, A, R>, options: TableOptions = {}): OperatorFactory =>
  (context) => {
    const { state } = context;
    const rows = tableRows<A>(state, options.serde ?? aggregator.serde);
    const { forward, flush } = forwardChanges(context, options);
    const { init, add, subtract } = aggregator;
    return {
      inputs: [
        keyed(context, options, (change, record) => {
          const { subtract: going, add: coming } = change as Regrouped;
          const before = rows.get();
          let accumulator: A | undefined = before?.value;
          let { timestamp } = record;
          if (going !== undefined && accumulator !== undefined) {
            accumulator = subtract!(accumulator, going as V, state.key) ?? undefined;
            timestamp = Math.max(timestamp, before!.at);
          }
          if (coming !== undefined) {
            accumulator = add(accumulator ?? init(), coming as V, state.key) ?? undefined;
            if (before !== undefined) timestamp = Math.max(timestamp, before.at);
          }
          if (accumulator === undefined) deleteRow(rows, options);
          else rows.set(new Stamped(timestamp, accumulator));
          const own = timestamp === record.timestamp || (accumulator === undefined && options.cached);
          const changed = own ? record : record.withTimestamp(timestamp);
          const was = before === undefined ? undefined : resultOf(aggregator, before.value);
          forward(accumulator === undefined ? null : (resultOf(aggregator, accumulator) ?? null), changed, was);
        }),
      ],
      ...(flush === undefined ? {} : { onCommit: flush, onWatermark: flush }),
    };
  };
