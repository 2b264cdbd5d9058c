import type { TopicPartition } from "../../../core/ports/log.ts";

/** Requests name each topic once, with its partitions. Order is kept. */
export const byTopic = <Item extends Pick<TopicPartition, "topic">>(
  items: readonly Item[],
): (readonly [topic: string, items: readonly Item[]])[] => {
  const topics = new Map<string, Item[]>();
  for (const item of items) {
    const list = topics.get(item.topic);
    if (list === undefined) topics.set(item.topic, [item]);
    else list.push(item);
  }
  return [...topics];
};
