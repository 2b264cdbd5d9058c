import { describe, expect, it } from "@jest/globals";
import { type Output, patternOf, run, type Scenario } from "./scenario.ts";
import { vectors } from "./vectors.ts";

/** Several matches that one event completes come in no order that means anything: what is compared is what came at each input, for each key and timestamp. */
const sorted = (outputs: readonly Output[]): readonly string[] =>
  outputs
    .map((output) =>
      JSON.stringify(output, (_, value) =>
        value !== null && typeof value === "object" && !Array.isArray(value)
          ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
          : value,
      ),
    )
    .sort();

describe("match operator finds what Flink found in", () => {
  for (const scenario of vectors as readonly Scenario[]) {
    it(scenario.name, () => {
      const { error } = scenario.expected;
      if (error?.step === -1) {
        expect(() => run({ ...scenario, inputs: [] })).toThrow(expect.objectContaining({ code: "PATTERN_INVALID" }));
        return;
      }
      patternOf(scenario);
      if (error !== undefined) {
        run({ ...scenario, inputs: scenario.inputs.slice(0, error.step) });
        expect(() => run({ ...scenario, inputs: scenario.inputs.slice(0, error.step + 1) })).toThrow();
        return;
      }
      const { out, late, timeouts } = run(scenario);
      expect(sorted(out)).toEqual(sorted(scenario.expected.out));
      expect(sorted(timeouts)).toEqual(sorted(scenario.expected.timeouts));
      // A scenario that does not ask for the late events only drops them.
      if (scenario.job.sideOutputLate) expect(sorted(late)).toEqual(sorted(scenario.expected.late));
    });
  }
});
