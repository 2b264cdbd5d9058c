import type { Draft } from "../core/record.ts";

declare const gives: unique symbol;

/** Where records come from: a topic, all topics of a pattern, or `records([...])`. */
export interface Source<out V, out K> {
  readonly kind: "topic" | "topics" | "records";
  readonly name: string;
  /** Only a type: what its records are. */
  readonly [gives]?: readonly [V, K];
}

/** Records that stand in the program. */
export interface RecordsSource<out V> extends Source<V, null> {
  readonly kind: "records";
  readonly read: () => Iterable<Draft<V, null>> | AsyncIterable<Draft<V, null>>;
}

/**
 * The given values as a bounded input of one partition, without keys, in this order: for tests, batch runs and first steps. They are read once for each run, so an iterator that can be walked only once serves one run.
 *
 * @example
 * ```ts
 * import { records, topology } from "millrace";
 *
 * topology("first-steps", ({ from }) => {
 *   from(records([3, 1, 2])).filter((n) => n > 1).print();
 * });
 * ```
 */
export const records = <V>(values: Iterable<V> | AsyncIterable<V>): Source<V, null> => {
  const source: RecordsSource<V> = { kind: "records", name: "records", read: () => drafts(values) };
  return Object.freeze(source);
};

const drafts = <V>(values: Iterable<V> | AsyncIterable<V>): Iterable<Draft<V, null>> | AsyncIterable<Draft<V, null>> =>
  Symbol.asyncIterator in values ? asynchronous(values) : synchronous(values);

function* synchronous<V>(values: Iterable<V>): Iterable<Draft<V, null>> {
  for (const value of values) yield { key: null, value };
}

async function* asynchronous<V>(values: AsyncIterable<V>): AsyncIterable<Draft<V, null>> {
  for await (const value of values) yield { key: null, value };
}
