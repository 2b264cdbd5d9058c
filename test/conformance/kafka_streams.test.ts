import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { differencesOfKafkaStreams } from "./kafka_streams_jobs/compare.ts";
import { interpretKafkaStreams } from "./kafka_streams_jobs/interpret.ts";
import type { KafkaStreamsVector } from "./kafka_streams_jobs/vector.ts";

const folder = new URL("./kafka_streams/", import.meta.url).pathname;
const vectors = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".json"))
  .sort()
  .map((name) => JSON.parse(readFileSync(`${folder}${name}`, "utf8")) as KafkaStreamsVector);

describe("the library gives what Kafka Streams gives", () => {
  for (const vector of vectors)
    it(`${vector.name}: ${vector.description}`, () => {
      expect(differencesOfKafkaStreams(vector, interpretKafkaStreams(vector))).toEqual([]);
    });
});

/** The steps of those with more inputs stand in smaller scenarios, and each restart costs. */
const inputsMax = 150;

/** Where a restart from the state shows, and why. */
const shows = ({ config, topology, inputs }: KafkaStreamsVector): string | undefined => {
  if (inputs.length > inputsMax) return "it is large";
  if (topology.some(({ punctuation }) => punctuation !== undefined)) return "schedules begin anew";
  if (config?.outerJoinEmitIntervalMs !== undefined || config?.windowCloseEmitIntervalMs !== undefined)
    return "how long ago somebody looked is no state";
  return undefined;
};

describe("a program that begins anew from its state after every record gives the same as one that does not", () => {
  for (const vector of vectors)
    if (shows(vector) === undefined)
      it(vector.name, () => {
        expect(differencesOfKafkaStreams(vector, interpretKafkaStreams(vector, { restarting: true }))).toEqual([]);
      });
});

describe("a record that fails on its way out, and is tried again, leaves nothing behind of the first time", () => {
  for (const vector of vectors) {
    const { config = {}, peeks, error, topology, inputs } = vector;
    const countsTwice = peeks !== undefined || topology.some(({ punctuation }) => punctuation !== undefined);
    if (Object.keys(config).length > 0 || error !== undefined || countsTwice || inputs.length > inputsMax) continue;
    it(vector.name, () => {
      // What is counted stays counted, and a commit in between writes down once more what it finds.
      const { metrics, changelogs, ...got } = interpretKafkaStreams(vector, { failing: true });
      const { metrics: dropped, changelogs: changes, ...expected } = vector;
      expect(differencesOfKafkaStreams(expected, got)).toEqual([]);
    });
  }
});
