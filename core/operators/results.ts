import { TopologyError } from "../errors.ts";
import type { RecordMeta } from "../record.ts";
import type { Push } from "./operator.ts";

/** Sends results on, one after the other as they come, each as a record with that meta. */
export const emitResults = (results: unknown, record: RecordMeta, emit: Push, step: string): void => {
  if (results === undefined || results === null) return;
  if (Array.isArray(results)) {
    for (let i = 0; i < results.length; i++) emit(results[i], record);
    return;
  }
  if (typeof results !== "object" && typeof results !== "string") throw noResults(results, step);
  if (!(Symbol.iterator in Object(results))) throw noResults(results, step);
  for (const result of results as Iterable<unknown>) emit(result, record);
};

const noResults = (results: unknown, step: string): TopologyError =>
  new TopologyError(
    "TOPOLOGY_INVALID",
    `Step '${step}' returned ${results instanceof Promise ? "a promise" : `a ${typeof results}`} where an iterable of results is wanted: ${results instanceof Promise ? "call mapAsync for what has to wait" : "put the result into an array"}`,
    { step },
  );
