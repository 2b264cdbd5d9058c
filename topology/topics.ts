import { TopologyError } from "../core/errors.ts";
import type { TopicPattern } from "../core/runtime/plan.ts";
import { bytes } from "../core/serde/bytes.ts";
import type { Serde } from "../core/serde/serde.ts";
import type { Source } from "./source.ts";

/** All topics whose names match a pattern, to be read as one stream. */
export interface TopicsSource<K, V> extends Source<V, K | null> {
  readonly kind: "topics";
  /** The pattern as text. */
  readonly name: string;
  readonly pattern: TopicPattern;
  readonly key: Serde<K>;
  readonly value: Serde<V>;
}

/** How the topics of a pattern are read. */
export interface TopicsOptions {
  /** When no topic matches at the start: "wait" until there is one, and say so; or "refuse" to start. @default "wait" */
  readonly whenMissing?: "wait" | "refuse";
}

/**
 * All topics whose names a regular expression finds itself in, as one stream: those that are there at the start, and within half a minute those that are made while the program runs. Topics that the application makes for itself are never among them. As `test` does, the expression looks anywhere in
 * the name: `^` and `$` make it mean the whole of it. Without a key serde keys are bytes; `topic` and `partition` of a record tell where it is from.
 *
 * @example
 * ```ts
 * import { json, text, topic, topics, topology } from "millrace";
 *
 * const orders = topics(/^orders-[a-z]{2}$/, { key: text, value: json<{ total: number }>() });
 * const large = topic("large-orders", { key: text, value: json<{ total: number; from: string }>() });
 * topology("large-orders", ({ from }) => {
 *   from(orders)
 *     .filter(({ total }) => total > 100)
 *     .map(({ total }, { topic }) => ({ total, from: topic }))
 *     .to(large);
 * });
 * ```
 */
export function topics<K, V>(
  pattern: RegExp,
  options: TopicsOptions & { readonly key: Serde<K>; readonly value: Serde<V> },
): TopicsSource<K, V>;
export function topics<V>(pattern: RegExp, options: TopicsOptions & { readonly value: Serde<V> }): TopicsSource<Uint8Array, V>;
export function topics(
  pattern: RegExp,
  options: TopicsOptions & { readonly key?: Serde<any>; readonly value: Serde<any> },
): TopicsSource<any, any> {
  if (!(pattern instanceof RegExp))
    throw new TopologyError(
      "OPTION_INVALID",
      `Cannot read topics by '${String(pattern)}': give a regular expression, or name the topic with topic()`,
    );
  const { key = bytes, value, whenMissing = "wait" } = options;
  if (whenMissing !== "wait" && whenMissing !== "refuse")
    throw new TopologyError("OPTION_INVALID", `whenMissing of topics ${pattern} is '${String(whenMissing)}': give "wait" or "refuse"`);
  // With g or y an expression goes on where it stopped in the name before.
  const expression = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""));
  return Object.freeze({ kind: "topics", name: String(expression), pattern: Object.freeze({ expression, whenMissing }), key, value });
}
