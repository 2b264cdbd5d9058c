import type { StoreWrite } from "../ports/store.ts";
import type { Serde } from "../serde/serde.ts";
import { columnPrefix, scopePrefix } from "../state/address.ts";
import { valueCodec } from "../state/codecs.ts";
import { inKeyOrder } from "../state/in_key_order.ts";
import { Stamped, stampedCodec } from "../state/stamped.ts";
import type { KeyCodec, StepState } from "../state/step_state.ts";
import type { ValueTable } from "../state/value_table.ts";
import type { ChangeOptions } from "./forward_changes.ts";

/** Where a table step keeps its rows, each with its timestamp: for itself, and for the steps that look into it. */
export const tableRows = <T>(state: StepState, serde?: Serde<T>): ValueTable<Stamped<T>> =>
  state.value(column, stampedCodec(valueCodec(serde)));

/** What stands in the store when a row is set to a value, or deleted by null: the same as a step writes. */
export const rowWriter = <T>(
  keys: KeyCodec,
  serde?: Serde<T>,
): ((key: unknown, timestamp: number, value: T | null | undefined) => StoreWrite) => {
  const prefix = columnPrefix(column);
  const codec = stampedCodec(valueCodec(serde));
  return (key, timestamp, value) => ({
    key: scopePrefix({ keys }, prefix, key, false, undefined),
    value: value === null || value === undefined ? null : codec.encode(new Stamped(timestamp, value)).slice(),
  });
};

const column = "t:rows";

/** The rows in the store, without open changes, in the order of their keys' bytes. */
export function* rowsInOrder<T>(
  { base, keys }: StepState,
  from: Uint8Array | undefined,
  serde?: Serde<T>,
): IterableIterator<readonly [bytes: Uint8Array, key: unknown, row: Stamped<T>]> {
  const codec = stampedCodec(valueCodec(serde));
  for (const [bytes, value] of inKeyOrder(base, columnPrefix(column), from)) yield [bytes, keys.decode(bytes), codec.decode(value)];
}

/** The current key has no row any more. The changelog hears of it as those behind do: even of a row that was not there, unless changes are held back until it is known whether there is one. */
export const deleteRow = <T>(rows: ValueTable<Stamped<T>>, { cached }: ChangeOptions): void => {
  if (cached) rows.clear();
  else rows.bury();
};
