import type { OperatorFactory } from "./operator.ts";

/**
 * Lets everything pass: several streams as one.
 * @param inputs How many ports it has; one port may have many edges. @default 1
 */
export const unionOperator =
  (inputs = 1): OperatorFactory =>
  ({ emit }) => ({ inputs: Array.from({ length: inputs }, () => emit) });
