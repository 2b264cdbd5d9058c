import { describe, expect, it } from "@jest/globals";
import { inWorld } from "../app_scenarios/app_world.ts";
import { memoryAppWorld } from "../app_scenarios/memory_app_world.ts";
import { kafkaStreamsOnInstances } from "./kafka_streams_on_instances.ts";
import { comparable, decisions, representative } from "./kafka_streams_vectors.ts";
import { counted } from "./representatives.ts";

const on = inWorld(memoryAppWorld);
const chosen = process.env["MILLRACE_ALL_VECTORS"] ? comparable : representative;
const named = (name: string) => comparable.find(({ vector }) => vector.name === name)!;

describe("two instances give for each key what Kafka Streams gives", () => {
  for (const { vector, reference } of chosen)
    it(
      vector.name,
      on(async (world) => expect(await kafkaStreamsOnInstances(world, vector, reference)).toEqual([])),
    );
});

describe("the number of instances shows nowhere", () => {
  for (const instances of [1, 2, 4])
    it(
      `in a word count that groups by another key, on ${instances}`,
      on(async (world) => {
        const { vector, reference } = named("agg-wordcount-v");
        expect(await kafkaStreamsOnInstances(world, vector, reference, instances)).toEqual([]);
      }),
    );

  it(
    "in a global table: each of three answers with all of it",
    on(async (world) => {
      const { vector, reference } = named("globaljoin-inner-v");
      expect(Object.keys(vector.stores!)).toEqual(["gs"]);
      expect(await kafkaStreamsOnInstances(world, vector, reference, 3)).toEqual([]);
    }),
  );
});

describe("the comparison", () => {
  it(
    "finds what is not as it should be",
    on(async (world) => {
      const { vector, reference } = named("agg-count-v");
      const [first, ...rest] = vector.expected["out"]!;
      const [entry, ...entries] = vector.stores!["cnt"]!.entries;
      const wrong = {
        ...vector,
        expected: { out: [{ ...first!, value: 7 }, ...rest] },
        stores: { cnt: { ...vector.stores!["cnt"]!, entries: [{ ...entry!, value: 7 }, ...entries] } },
      };
      const found = await kafkaStreamsOnInstances(world, wrong, reference);
      expect(found.map((each) => each.slice(0, 11))).toEqual(["topic 'out'", "store 'cnt'"]);
    }),
  );

  it("is made for most of the scenarios, and for the others it is known why not", () => {
    expect(counted(decisions.map((each) => ("leftOut" in each ? each.leftOut : each.reference)))).toEqual({
      recorded: 78,
      "by partition": 104,
      "it counts outside of its stores": 1,
      "it ends with an error": 4,
      "it goes by the clock": 14,
      "its records name the topics that they go to": 1,
      "its results tell where a record stood": 1,
      "records change their partition before stream time, or all of a store, is looked at, which are those of one task": 21,
      "what changes between two commits is told once, and the moments of commits are others behind a topic": 6,
    });
  });
});
