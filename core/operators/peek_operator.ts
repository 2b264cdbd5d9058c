import type { Meta } from "../record.ts";
import type { OperatorFactory } from "./operator.ts";

/** Looks at each record and lets it pass. After a crash a record may be looked at again. */
export const peekOperator =
  <V>(fn: (value: V, record: Meta<any>) => void): OperatorFactory =>
  ({ emit }) => ({
    inputs: [
      (value, record) => {
        fn(value as V, record);
        emit(value, record);
      },
    ],
  });
