import type { Plan } from "millrace";
import { build } from "../conformance/kafka_streams_jobs/build.ts";
import type { KafkaStreamsVector } from "../conformance/kafka_streams_jobs/vector.ts";

type Node = Plan["subtopologies"][number]["nodes"][number];

/** What the instances have to come to: what Kafka Streams gave in one task, or what one driver for each partition gives. */
export type Reference = "recorded" | "by partition";

export type Decision = { readonly reference: Reference } | { readonly leftOut: string };

/**
 * With what two instances can be compared, or why with nothing. The expectation holds for each key by itself where no step looks beyond its key: at the stream time of its task, or at all of a store. Other steps are as they are in one task, so that one driver for each partition says what
 * comes out, as long as records stay in their partition.
 */
export const kafkaStreamsReference = (vector: KafkaStreamsVector): Decision => {
  const { config = {}, error, inputs, topology } = vector;
  if (error !== undefined) return { leftOut: "it ends with an error" };
  if (inputs.some(({ advanceWallClockMs }) => advanceWallClockMs !== undefined) || throttled(config))
    return { leftOut: "it goes by the clock" };
  if (topology.some(({ op }) => op === "toDynamic")) return { leftOut: "its records name the topics that they go to" };
  for (const { processor } of topology) {
    if (processor === "contextProbe") return { leftOut: "its results tell where a record stood" };
    if (processor === "tick") return { leftOut: "it counts outside of its stores" };
  }
  const { subtopologies } = build(vector).program.plan();
  const shuffled = shuffles(vector);
  if (shuffled && isCached(vector))
    return { leftOut: "what changes between two commits is told once, and the moments of commits are others behind a topic" };
  if (!subtopologies.flatMap(({ nodes }) => nodes).some(looksBeyondItsKey)) return { reference: "recorded" };
  if (shuffled)
    return { leftOut: "records change their partition before stream time, or all of a store, is looked at, which are those of one task" };
  return { reference: "by partition" };
};

/** Whether records have to be written one by one, since what comes out depends on which of them are between the same two commits, or come together behind a topic. */
export const oneByOne = (vector: KafkaStreamsVector): boolean => isCached(vector) || shuffles(vector);

const isCached = ({ config }: KafkaStreamsVector): boolean => (config?.cacheMaxBytes ?? 0) > 0;

const shuffles = (vector: KafkaStreamsVector): boolean =>
  build(vector)
    .program.plan()
    .subtopologies.some((subtopology) => subtopology.inputs.some(({ topic }) => topic.internal));

const throttled = ({ outerJoinEmitIntervalMs = 0, windowCloseEmitIntervalMs = 0 }: NonNullable<KafkaStreamsVector["config"]>): boolean =>
  outerJoinEmitIntervalMs > 0 || windowCloseEmitIntervalMs > 0;

const byKey = new Set([
  "aggregate",
  "answer",
  "changes",
  "count",
  "globalTable",
  "groupBy",
  "materialize",
  "outerJoin",
  "reduce",
  "subscribe",
  "table",
]);
const stateless = new Set(["filter", "flatMap", "map", "peek", "rewrite", "split", "union"]);

const looksBeyondItsKey = ({ kind, parameters, output }: Node): boolean => {
  if (output !== undefined || stateless.has(kind)) return false;
  const { history, asOf, clock } = parameters;
  if (history !== undefined || asOf !== undefined || clock !== undefined) return true;
  return !(byKey.has(kind) || kind === "join" || kind === "leftJoin");
};
