import type { Serde } from "../serde/serde.ts";
import { valueCodec } from "../state/codecs.ts";
import { type Stamped, stampedCodec } from "../state/stamped.ts";
import type { StepState } from "../state/step_state.ts";
import type { ValueTable } from "../state/value_table.ts";

/** Where a table step keeps its rows, each with its timestamp: for itself, and for the steps that look into it. */
export const tableRows = <T>(state: StepState, serde?: Serde<T>): ValueTable<Stamped<T>> =>
  state.value("t:rows", stampedCodec(valueCodec(serde)));
