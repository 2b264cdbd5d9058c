import { TopologyError } from "../core/errors.ts";
import type { Meta } from "../core/record.ts";
import type { SinkWriter } from "../core/runtime/plan.ts";
import { nameFault } from "./plan/names.ts";

declare const takes: unique symbol;

/** Where records go: a topic, or a system outside. A sink that takes more kinds of values may stand where one that takes fewer is wanted. */
export interface Sink<in V, in K = unknown> {
  readonly kind: "topic" | "external";
  readonly name: string;
  /** Only a type: what it takes. */
  readonly [takes]?: (value: V, record: Meta<K>) => void;
}

/** A system outside the log. */
export interface ExternalSink<in V, in K = unknown> extends Sink<V, K> {
  readonly kind: "external";
  readonly writer: SinkWriter<any, any>;
}

/**
 * A sink outside the log. Records for it go to an internal topic in the transaction of the step before; a task of its own reads there what was committed, writes it in batches and commits its position after the write. So nothing is
 * lost and nothing aborted is shown; after a crash a batch may be written again, which an id in the records makes harmless.
 *
 * @param name names the internal topic, `<name>-sink`
 *
 * @example
 * ```ts
 * import { sink } from "millrace";
 *
 * const seen: string[] = [];
 * const memory = sink<string>("memory", {
 *   async write(batch) {
 *     for (const { value } of batch) seen.push(value);
 *   },
 * });
 * ```
 */
export const sink = <V, K = unknown>(name: string, writer: SinkWriter<V, K>): Sink<V, K> => {
  const fault = nameFault(name, "-sink");
  if (fault !== undefined) throw new TopologyError("NAME_INVALID", `Cannot use '${name}' as the name of a sink: ${fault}`);
  const external: ExternalSink<V, K> = { kind: "external", name, writer };
  return Object.freeze(external);
};
