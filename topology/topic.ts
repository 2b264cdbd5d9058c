import { TopologyError } from "../core/errors.ts";
import type { TopicDeclaration } from "../core/runtime/plan.ts";
import { bytes } from "../core/serde/bytes.ts";
import type { Serde } from "../core/serde/serde.ts";
import { nameFault } from "./plan/names.ts";
import type { Sink } from "./sink.ts";
import type { Source } from "./source.ts";

/** A topic as something to write to: the one kind of sink that knows deletions. */
export interface TopicSink<in V, in K = unknown> extends Sink<V, K> {
  readonly kind: "topic";
}

/** A topic of the log, to be read and to be written. A key may be null. */
export interface Topic<K, V> extends Source<V, K | null>, TopicSink<V, K | null> {
  readonly kind: "topic";
  readonly name: string;
  readonly key: Serde<K>;
  readonly value: Serde<V>;
  readonly declared: TopicDeclaration;
}

/**
 * A topic by its name, with the serdes of its records. Without a key serde keys are bytes. What is said of partitions, replication and configuration is checked at the start, or used when the topic is created.
 *
 * @example
 * ```ts
 * import { json, text, topic } from "millrace";
 *
 * const orders = topic("orders", { key: text, value: json<{ id: string; total: number }>(), partitions: 12 });
 * ```
 */
export function topic<K, V>(name: string, options: TopicDeclaration & { readonly key: Serde<K>; readonly value: Serde<V> }): Topic<K, V>;
export function topic<V>(name: string, options: TopicDeclaration & { readonly value: Serde<V> }): Topic<Uint8Array, V>;
export function topic(
  name: string,
  options: TopicDeclaration & { readonly key?: Serde<any>; readonly value: Serde<any> },
): Topic<any, any> {
  const fault = nameFault(name);
  if (fault !== undefined) throw new TopologyError("NAME_INVALID", `Cannot use '${name}' as the name of a topic: ${fault}`);
  const { key = bytes, value, ...declared } = options;
  if (declared.partitions !== undefined && !(Number.isInteger(declared.partitions) && declared.partitions > 0))
    throw new TopologyError(
      "OPTION_INVALID",
      `Topic '${name}' cannot have ${declared.partitions} partitions: give a whole number above zero`,
    );
  return Object.freeze({ kind: "topic", name, key, value, declared: Object.freeze(declared) });
}
