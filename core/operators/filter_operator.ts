import type { Meta } from "../record.ts";
import type { OperatorFactory } from "./operator.ts";

/** The records for which the condition holds. */
export const filterOperator =
  <V>(fn: (value: V, record: Meta<any>) => boolean): OperatorFactory =>
  ({ emit }) => ({
    inputs: [
      (value, record) => {
        if (fn(value as V, record)) emit(value, record);
      },
    ],
  });
