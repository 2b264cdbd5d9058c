import type { Meta } from "../record.ts";
import type { OperatorFactory } from "./operator.ts";

/** Another value for each record. */
export const mapOperator =
  <V, R>(fn: (value: V, record: Meta<any>) => R): OperatorFactory =>
  ({ emit }) => ({ inputs: [(value, record) => emit(fn(value as V, record), record)] });
