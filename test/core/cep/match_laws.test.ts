import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { matchOperator } from "../../../core/cep/match_operator.ts";
import { OperatorHarness } from "../../support/operator_harness.ts";
import { fullSketches, greedySketches, plainSketches, someEvents } from "./arbitrary_sketches.ts";
import { naiveMatches } from "./naive_matches.ts";
import { builtSketch, type Seen, shownMatch, type Sketch } from "./sketch.ts";

const end = 1_000_000;

const found = (sketch: Sketch, events: readonly Seen[]): readonly string[] => {
  const harness = new OperatorHarness(matchOperator(builtSketch(sketch)));
  for (const event of events) {
    harness.record("k", event, event.time);
    harness.watermark(event.time - 1);
  }
  harness.watermark(end);
  return harness.take().map(({ value }) => shownMatch(value)).sort();
};

describe("match operator finds what a search through all possibilities finds", () => {
  for (const [name, sketches] of [
    ["steps that follow each other", plainSketches],
    ["optional steps, loops, groups and what must not come", fullSketches],
    ["greedy loops", greedySketches],
  ] as const)
    it(`in patterns of ${name}`, () => {
      fc.assert(
        fc.property(sketches, someEvents(9), (sketch, events) => {
          expect(found(sketch, events)).toEqual(naiveMatches(sketch, events));
        }),
        { numRuns: Number(globalThis.process?.env?.RUNS ?? 500) },
      );
    });
});
