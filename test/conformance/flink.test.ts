import { describe, expect, it } from "@jest/globals";
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
  if (job.op === "async") return "what was asked for is asked for again";
  if (job.op === "assignTimestampsAndWatermarks") return "a generator of watermarks begins anew";
  if (job.ttl?.visibility === "ReturnExpiredIfNotCleanedUp" || name.startsWith("ttl-map")) return "what has expired is cleaned away";
  if (["timers-chain-v1", "timers-random-v1", "win-large-v3"].includes(name))
    return "a timer behind the watermark fires when event time is told again";
  if (inputs.length > 300) return "the same steps stand in smaller scenarios, and each restart costs";
  if (inputs.some((input: any) => "idle" in input)) return "which of several inputs had caught up is no state";
  return undefined;
};

describe("a job that starts anew from its state after every step gives the same as one that does not", () => {
  for (const vector of vectors) {
    if (shows(vector) !== undefined || ["watermarkMultiplexer", "watermarkAlignment", "watermarkValve"].includes(vector.job.op)) continue;
    it(vector.name, async () => {
      const { watermarks, ...expected } = vector.expected;
      expect(differences(vector.ordering, expected, await interpretFlink(vector, { restartAfter: () => true }))).toEqual([]);
    });
  }
});
