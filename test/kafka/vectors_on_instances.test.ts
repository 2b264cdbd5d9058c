import { expect, it } from "@jest/globals";
import { inWorld } from "../app_scenarios/app_world.ts";
import { kafkaStreamsOnInstances, phases } from "../vectors_on_instances/kafka_streams_on_instances.ts";
import { type Comparable, comparable, representative } from "../vectors_on_instances/kafka_streams_vectors.ts";
import { kafkaAppWorld } from "./app/kafka_app_world.ts";
import { describeKafka } from "./support/describe_kafka.ts";

// In memory all of them are run: see test/vectors_on_instances.
const on = inWorld(kafkaAppWorld);
const isShort = process.env["MILLRACE_SHORT"] !== undefined;
/** Beyond this many waits for a commit a scenario takes too long here. */
const phasesMax = isShort ? 1 : 20;
/** So many scenarios at a time, which wait most of it. */
const together = 6;

const chosen = (isShort ? representative : comparable)
  .filter(({ vector }) => phases(vector).length <= phasesMax)
  .slice(0, isShort ? together : undefined);
const named = (name: string): Comparable => comparable.find(({ vector }) => vector.name === name)!;

describeKafka("on a broker two instances give for each key what Kafka Streams gives", () => {
  for (let i = 0; i < chosen.length; i += together) {
    const some = chosen.slice(i, i + together);
    it(
      some.map(({ vector }) => vector.name).join(", "),
      on(async (world) => {
        const found = await Promise.all(some.map(({ vector, reference }) => kafkaStreamsOnInstances(world, vector, reference)));
        expect(Object.fromEntries(some.map(({ vector }, at) => [vector.name, found[at]]))).toEqual(
          Object.fromEntries(some.map(({ vector }) => [vector.name, []])),
        );
      }),
    );
  }
});

describeKafka("on a broker the number of instances shows nowhere", () => {
  it(
    "in a word count that groups by another key, on 1, 2 and 4",
    on(async (world) => {
      const { vector, reference } = named("agg-wordcount-v");
      const found = await Promise.all([1, 2, 4].map((instances) => kafkaStreamsOnInstances(world, vector, reference, instances)));
      expect(found).toEqual([[], [], []]);
    }),
  );

  it(
    "in a global table: each of three answers with all of it",
    on(async (world) => {
      const { vector, reference } = named("random-globaljoin-inner");
      expect(Object.keys(vector.stores!)).toEqual(["gs"]);
      expect(await kafkaStreamsOnInstances(world, vector, reference, 3)).toEqual([]);
    }),
  );
});
