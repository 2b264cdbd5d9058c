import { TopologyError } from "../core/errors.ts";
import type { Meta } from "../core/record.ts";
import type { TopicSink } from "./topic.ts";

/** A topic that is chosen for each record. Made by `topicPerRecord`. */
export interface TopicChoice<in V, in K = unknown> extends TopicSink<V, K> {
  readonly topics: readonly TopicSink<V, K>[];
  readonly choose: (value: any, record: Meta<any>) => string;
}

/**
 * One of several topics, chosen for each record by its name. They all stand here, so that they are known, and checked, before the first record; a name that is none of theirs is an error of the record.
 *
 * @example
 * ```ts
 * import { json, text, topic, topicPerRecord } from "millrace";
 *
 * type Order = { region: "eu" | "us" };
 * const eu = topic("orders-eu", { key: text, value: json<Order>() });
 * const us = topic("orders-us", { key: text, value: json<Order>() });
 * const perRegion = topicPerRecord<string | null, Order>({ topics: [eu, us], name: (order) => `orders-${order.region}` });
 * ```
 */
export const topicPerRecord = <K, V>(options: {
  readonly topics: readonly TopicSink<V, K>[];
  readonly name: (value: V, record: Meta<K>) => string;
}): TopicSink<V, K> => {
  const { topics, name } = options;
  if (topics.length === 0) throw new TopologyError("OPTION_INVALID", "A topic per record is chosen of no topics at all: give at least one");
  const choice: TopicChoice<V, K> = { kind: "topic", name: topics.map((topic) => topic.name).join("|"), topics, choose: name };
  return Object.freeze(choice);
};
