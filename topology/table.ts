import type { KeyedStream, StepOptions } from "./stream.ts";
import type { TopicSink } from "./topic.ts";

declare const tableBrand: unique symbol;

/** The latest value per key, and the changes of it. */
export interface Table<out K, out V> {
  readonly [tableBrand]: readonly [K, V];
  /** The changes; null is a deletion. */
  toStream(): KeyedStream<V | null, K>;
  /** The changes to a topic, deletions as tombstones. */
  to(topic: TopicSink<V, K>): void;
  /** Says more of the step that makes the table. */
  with(options: StepOptions): Table<K, V>;
}
