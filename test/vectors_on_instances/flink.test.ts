import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { differences } from "../conformance/compare.ts";
import { vectorFiles } from "../conformance/files.ts";
import { ownElements, randomElements } from "./flink_elements.ts";
import { flinkOnInstances, inHarness } from "./flink_on_instances.ts";
import { flinkLeftOut } from "./flink_rule.ts";
import { flinkTopology } from "./flink_topology.ts";
import { counted, representatives } from "./representatives.ts";

const all = vectorFiles(new URL("../conformance/flink", import.meta.url).pathname).map((file) => file.read() as any);
const reasons = all.map(flinkLeftOut);
const comparable = all.filter((_, i) => reasons[i] === undefined);
const isLong = process.env["MILLRACE_ALL_VECTORS"] !== undefined;
const chosen = isLong
  ? comparable
  : representatives(
      comparable.filter(({ inputs }) => inputs.length >= 10 && inputs.length <= 200),
      (vector) => flinkTopology(vector).program.plan(),
      ({ inputs }) => inputs.length,
    );
const seed = fc.nat(1_000_000);
const named = (name: string): any => comparable.find((vector) => vector.name === name);
const drawn = fc
  .constantFrom(...comparable)
  .chain((vector) => randomElements(vector).map((elements) => ({ of: vector.name as string, elements })));

describe("two instances that crash and share their tasks anew give for each key what one harness gives", () => {
  for (const vector of chosen)
    it(`the elements of ${vector.name}`, () => {
      const law = fc.asyncProperty(seed, async (seed) => expect(await flinkOnInstances(vector, ownElements(vector), seed)).toEqual([]));
      return fc.assert(law, { numRuns: 1 });
    });

  for (const vector of isLong ? comparable : [])
    it(`elements made by chance for ${vector.name}`, () => {
      const law = fc.asyncProperty(randomElements(vector), seed, async (elements, seed) =>
        expect(await flinkOnInstances(vector, elements, seed)).toEqual([]),
      );
      return fc.assert(law, { numRuns: 5 });
    });

  it("elements made by chance for any job", () => {
    const law = fc.asyncProperty(drawn, seed, async ({ of, elements }, seed) =>
      expect(await flinkOnInstances(named(of), elements, seed)).toEqual([]),
    );
    return fc.assert(law, { numRuns: 8 });
  });
});

describe("a job that starts anew from its state at any moments gives the same as one that does not", () => {
  it("with elements made by chance", () => {
    const cuts = fc.uniqueArray(fc.nat(60), { minLength: 1, maxLength: 5 });
    const law = fc.asyncProperty(drawn, cuts, async ({ of, elements }, cuts) => {
      const { ordering } = named(of);
      const restarted = await inHarness(named(of), elements, { restartAfter: (step) => cuts.includes(step) });
      // Which key is first at one time is nowhere said.
      expect(differences(ordering === "total" ? "perKey" : ordering, await inHarness(named(of), elements), restarted)).toEqual([]);
    });
    return fc.assert(law, { numRuns: isLong ? 500 : 60 });
  });
});

describe("the comparison", () => {
  it("finds out where the moments of watermarks show", async () => {
    const vector = all.find(({ name }) => name === "trigger-continuous-event-v1");
    expect((await flinkOnInstances(vector, ownElements(vector), 1)).join()).toContain("out: the harness gives");
  });

  it("is made for most of the jobs, and for the others it is known why not", () => {
    expect(counted(reasons)).toEqual({
      in: 172,
      "in which order the elements of two inputs come shows in it": 3,
      "it ends with an error": 15,
      "it goes by the clock": 5,
      "it looks now and then at what has come until then": 4,
      "its results tell the watermark": 6,
      "some of its elements have no timestamp": 41,
      "the elements of all keys meet in one task": 15,
      "the function of a step 'connect' may look at the watermark or the clock": 6,
      "the function of a step 'mapAsync' may look at the watermark or the clock": 8,
      "the function of a step 'process' may look at the watermark or the clock": 29,
      "the function of a step 'withTime' may look at the watermark or the clock": 9,
      "there are no records in it": 14,
    });
  });
});
