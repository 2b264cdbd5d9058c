import type { DraftHeaders } from "../../core/record.ts";
import type { Fed } from "../../core/runtime/start.ts";
import type { Topic } from "../topic.ts";

/** A record for an input topic. */
export interface FeedRecord<out K, out V> {
  readonly key: K | null;
  readonly value: V | null;
  /** Milliseconds since 1970. @default moments from the beginning of the simulation on */
  readonly timestamp?: number;
  readonly headers?: DraftHeaders;
}

/** Records for one topic, in their order. */
export interface Feed {
  readonly topic: Topic<any, any>;
  readonly records: readonly Fed[];
}

/**
 * Records that a simulation writes into a topic while it runs.
 *
 * @example
 * ```ts
 * import { text, topic } from "millrace";
 * import { feed } from "millrace/testing";
 *
 * const lines = topic("lines", { key: text, value: text });
 * const input = feed(lines, [{ key: "a", value: "to be" }, { key: "b", value: "or not" }]);
 * console.log(input.records.length); // 2
 * ```
 */
export const feed = <K, V>(topic: Topic<K, V>, records: Iterable<FeedRecord<K, V>>): Feed => ({
  topic,
  records: [...records].map((record) => ({ topic, ...record })),
});
