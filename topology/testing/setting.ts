import { ConfigurationError } from "../../core/errors.ts";
import type { TopicSpec } from "../../core/ports/log.ts";
import type { Plan, TopicRef } from "../../core/runtime/plan.ts";
import type { Fed } from "../../core/runtime/start.ts";
import { chanceFor } from "./conditions.ts";
import type { Feed } from "./feed.ts";

/** The topics that a plan reads, as they are made before a simulation begins. */
export const inputTopics = (plan: Plan, partitions: number): readonly TopicSpec[] => {
  const specs = new Map<string, TopicSpec>();
  for (const { inputs } of plan.subtopologies)
    for (const { topic, kind } of inputs) if (kind === "source" && !topic.internal) specs.set(topic.name, specOf(topic, partitions));
  return [...specs.values()];
};

/** The topics that a plan writes and does not read. */
export const outputTopics = (plan: Plan): readonly TopicSpec[] => {
  const specs = new Map<string, TopicSpec>();
  const read = new Set(inputTopics(plan, 1).map(({ topic }) => topic));
  for (const { nodes } of plan.subtopologies)
    for (const { output } of nodes)
      if (output !== undefined && !output.topic.internal && !read.has(output.topic.name))
        specs.set(output.topic.name, specOf(output.topic, 1));
  return [...specs.values()];
};

/** Event time has nothing to do with the clock here, which may be set back besides. */
const specOf = ({ name, declared }: TopicRef, partitions: number): TopicSpec => ({
  topic: name,
  partitions: declared?.partitions ?? partitions,
  replication: -1,
  config: { "message.timestamp.after.max.ms": "9223372036854775807", "retention.ms": "-1", ...declared?.config },
});

/** Where virtual time begins. */
const beginningMs = 1_700_000_000_000;

/** One sequence of all feeds, each in its own order. What has no timestamp gets one, so that it does not depend on when it is written. */
export const interleaved = (feeds: readonly Feed[], seed: number): readonly Fed[] => {
  const random = chanceFor(seed, "order of the input");
  const left = feeds.map(({ records }) => records);
  const at = feeds.map(() => 0);
  const all: Fed[] = [];
  let rest = left.reduce((sum, records) => sum + records.length, 0);
  for (; rest > 0; rest--) {
    let pick = Math.floor(random.next() * rest);
    const from = left.findIndex((records, i) => (pick -= records.length - at[i]!) < 0);
    const record = left[from]![at[from]!++]!;
    all.push({ timestamp: beginningMs + all.length, ...record });
  }
  return all;
};

/** Refuses feeds into topics that the topology does not read. */
export const checkFeeds = (plan: Plan, feeds: readonly Feed[]): void => {
  const read = new Set(inputTopics(plan, 1).map(({ topic }) => topic));
  for (const { topic } of feeds)
    if (!read.has(topic.name))
      throw new ConfigurationError(
        "TOPIC_MISSING",
        `The input of the simulation has topic '${topic.name}', which the topology does not read`,
        {
          topic: topic.name,
        },
      );
};
