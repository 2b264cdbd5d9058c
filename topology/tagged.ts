import type { AnyKeyedStream, AnyStream, KeyedStream, Stream } from "./stream.ts";
import { type StreamHandle, taggedHandle } from "./stream_handle.ts";

type ValueOf<S> = S extends AnyStream<infer V, unknown> ? V : never;
type Tagged<T> = {
  [N in keyof T]: { readonly from: N; readonly value: NonNullable<ValueOf<T[N]>> } | (null extends ValueOf<T[N]> ? null : never);
}[keyof T];
type KeysOf<T> = T[keyof T] extends AnyStream<unknown, infer K> ? K : never;

/**
 * Streams of different kinds as one, each value with the name of its stream: what a `switch` takes apart. Null, where a stream has it, stays null. With an aggregate behind it this is what Kafka Streams calls a cogroup, also in windows that are revised: there each stream is late by its own time, however far the others are ahead.
 *
 * @example
 * ```ts
 * import { json, tagged, text, topic, topology } from "millrace";
 *
 * const orders = topic("orders", { key: text, value: json<{ total: number }>() });
 * const refunds = topic("refunds", { key: text, value: json<{ amount: number }>() });
 * topology("balance", ({ from }) => {
 *   tagged({ order: from(orders).keyBy(), refund: from(refunds).keyBy() })
 *     .aggregate("balance", {
 *       init: () => 0,
 *       add: (sum, event) => (event.from === "order" ? sum + event.value.total : sum - event.value.amount),
 *     })
 *     .toStream()
 *     .print();
 * });
 * ```
 */
export function tagged<T extends { readonly [name: string]: AnyKeyedStream<unknown, unknown> }>(
  streams: T,
): KeyedStream<Tagged<T>, KeysOf<T>>;
export function tagged<T extends { readonly [name: string]: AnyStream<unknown, unknown> }>(streams: T): Stream<Tagged<T>, KeysOf<T>>;
export function tagged(streams: { readonly [name: string]: AnyStream<unknown, unknown> }): Stream<any, any> {
  return taggedHandle(streams as unknown as Readonly<Record<string, StreamHandle>>) as any;
}
