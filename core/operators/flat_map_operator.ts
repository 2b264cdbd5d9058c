import type { Meta } from "../record.ts";
import type { OperatorFactory } from "./operator.ts";
import { emitResults } from "./results.ts";

/** Any number of values for each record, all with its key, timestamp and headers. */
export const flatMapOperator =
  <V, R>(fn: (value: V, record: Meta<any>) => Iterable<R>): OperatorFactory =>
  ({ emit, step }) => ({ inputs: [(value, record) => emitResults(fn(value as V, record), record, emit, step)] });
