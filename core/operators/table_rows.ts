import type { Serde } from "../serde/serde.ts";
import { valueCodec } from "../state/codecs.ts";
import { type Stamped, stampedCodec } from "../state/stamped.ts";
import type { StepState } from "../state/step_state.ts";
import type { ValueTable } from "../state/value_table.ts";
import type { ChangeOptions } from "./forward_changes.ts";

/** Where a table step keeps its rows, each with its timestamp: for itself, and for the steps that look into it. */
export const tableRows = <T>(state: StepState, serde?: Serde<T>): ValueTable<Stamped<T>> =>
  state.value("t:rows", stampedCodec(valueCodec(serde)));

/** The current key has no row any more. The changelog hears of it as those behind do: even of a row that was not there, unless changes are held back until it is known whether there is one. */
export const deleteRow = <T>(rows: ValueTable<Stamped<T>>, { cached }: ChangeOptions): void => {
  if (cached) rows.clear();
  else rows.bury();
};
