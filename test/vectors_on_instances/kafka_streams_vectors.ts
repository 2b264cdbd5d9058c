import { vectorFiles } from "../conformance/files.ts";
import { build } from "../conformance/kafka_streams_jobs/build.ts";
import type { KafkaStreamsVector } from "../conformance/kafka_streams_jobs/vector.ts";
import { type Decision, kafkaStreamsReference, oneByOne, type Reference } from "./kafka_streams_rule.ts";
import { representatives } from "./representatives.ts";

/** A scenario that is run on several instances, and with what it is compared. */
export interface Comparable {
  readonly vector: KafkaStreamsVector;
  readonly reference: Reference;
}

const vectors = vectorFiles(new URL("../conformance/kafka_streams", import.meta.url).pathname).map(
  (file) => file.read() as unknown as KafkaStreamsVector,
);

/** What is decided about each of the scenarios. */
export const decisions: readonly Decision[] = vectors.map(kafkaStreamsReference);

export const comparable: readonly Comparable[] = decisions.flatMap((decision, i) =>
  "leftOut" in decision ? [] : [{ vector: vectors[i]!, reference: decision.reference }],
);

/** Some that have every kind of step, and enough input for all partitions. */
export const representative: readonly Comparable[] = representatives(
  comparable.filter(({ vector }) => vector.inputs.length >= 15),
  ({ vector }) => build(vector).program.plan(),
  // Each wait costs about as much as ten records.
  ({ vector }) => vector.inputs.length * (oneByOne(vector) ? 10 : 1),
);
