import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { check } from "./check.ts";
import { differences } from "./compare.ts";
import { vectorFiles } from "./files.ts";
import { interpretFlink } from "./flink_jobs/interpret.ts";

const vectors = vectorFiles(new URL("./flink", import.meta.url).pathname).map((file) => file.read() as any);

describe("the library gives what Flink gives", () => {
  for (const vector of vectors)
    it(`${vector.name}: ${vector.description}`, async () => {
      expect((await check(vector)).failure).toBeUndefined();
    });
});

/** Where a restart from the state shows, and why. */
const shows = ({ job, name, inputs }: any): string | undefined => {
  if (["watermarkMultiplexer", "watermarkAlignment", "watermarkValve"].includes(job.op)) return "event time alone is no state";
  if (inputs.length === 0) return "nothing happens in it";
  if (job.op === "async") return "what was asked for is asked for again";
  if (job.op === "assignTimestampsAndWatermarks") return "a generator of watermarks begins anew";
  if (job.ttl?.visibility === "ReturnExpiredIfNotCleanedUp" || name.startsWith("ttl-map")) return "what has expired is cleaned away";
  if (["timers-chain-v1", "timers-random-v1", "win-large-v3"].includes(name))
    return "a timer behind the watermark fires when event time is told again";
  if (inputs.some((input: any) => "idle" in input)) return "which of several inputs had caught up is no state";
  return undefined;
};

const restarted = async (vector: any, restartAfter: (step: number) => boolean): Promise<void> => {
  const { watermarks, ...expected } = vector.expected;
  expect(differences(vector.ordering, expected, await interpretFlink(vector, { restartAfter }))).toEqual([]);
};

describe("a job that starts anew from its state after every step gives the same as one that does not", () => {
  // The steps of the largest stand in smaller ones, and each restart costs.
  for (const vector of vectors)
    if (shows(vector) === undefined && vector.inputs.length <= 80) it(vector.name, () => restarted(vector, () => true));
});

describe("a job that starts anew from its state at any moments gives the same as one that does not", () => {
  for (const vector of vectors)
    if (shows(vector) === undefined)
      it(vector.name, () => {
        const steps = fc.uniqueArray(fc.nat(vector.inputs.length - 1), { minLength: 1, maxLength: 5 });
        const law = fc.asyncProperty(steps, (some) => restarted(vector, (step) => some.includes(step)));
        return fc.assert(law, { numRuns: 2 });
      });
});
