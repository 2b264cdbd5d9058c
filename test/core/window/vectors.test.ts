import { describe, expect, it } from "@jest/globals";
import { noTimestamp } from "../../../core/record.ts";
import { OperatorHarness } from "../../support/operator_harness.ts";
import { vectors } from "./vectors/all.ts";
import { factoryOf, written } from "./vectors/job.ts";

interface Output {
  readonly step: number;
  readonly timestamp: unknown;
  readonly value: any;
}

const run = (vector: any): { readonly out: readonly Output[]; readonly late: readonly Output[]; readonly errorAt: number | undefined } => {
  const out: Output[] = [];
  const late: Output[] = [];
  let harness: OperatorHarness;
  try {
    harness = new OperatorHarness(factoryOf(vector.job));
  } catch {
    return { out, late, errorAt: -1 };
  }
  const rolling = vector.job.op === "rolling";
  for (const [step, input] of vector.inputs.entries()) {
    try {
      if (input.element !== undefined) harness.record(input.element.key, input.element.value, input.element.timestamp ?? noTimestamp);
      else if (input.watermark !== undefined) harness.watermark(input.watermark === "+inf" ? Number.POSITIVE_INFINITY : input.watermark);
      else if (input.processingTime !== undefined) harness.processingTime(input.processingTime);
      else if (input.snapshotRestore === true) {
        harness.commit();
        harness.watermark(Number.NEGATIVE_INFINITY);
        harness.abort();
      } else throw new TypeError(`Unknown input ${JSON.stringify(input)}`);
    } catch (error) {
      if (error instanceof TypeError) throw error;
      return { out, late, errorAt: step };
    }
    for (const { key, value, timestamp } of harness.take())
      out.push({ step, timestamp: written(timestamp), value: rolling ? { key, value } : value });
    for (const { key, value, timestamp } of harness.side("late").splice(0))
      late.push({ step, timestamp: written(timestamp), value: { key, value } });
  }
  return { out, late, errorAt: undefined };
};

/** Flink does not define the order of results of different keys or windows which are due at one time; within a key and window it does. */
const grouped = (ordering: string, outputs: readonly Output[]): Record<string, readonly Output[]> => {
  const groups: Record<string, Output[]> = {};
  for (const output of outputs) {
    const { step, timestamp, value } = output;
    const name = ordering === "total" ? "all" : JSON.stringify([step, value.key, value.start, value.end, timestamp]);
    (groups[name] ??= []).push(output);
  }
  return groups;
};

describe("windows give what Flink gives", () => {
  for (const vector of vectors as readonly any[]) {
    it(`${vector.name}: ${vector.description}`, () => {
      expect(["total", "perKeyAndWindow"]).toContain(vector.ordering);
      const { out, late, errorAt } = run(vector);
      expect(errorAt).toBe(vector.expected.error?.step);
      expect(grouped(vector.ordering, out)).toEqual(grouped(vector.ordering, vector.expected.out));
      // A test of late records wants a side output; where the job has none they are only counted.
      if (vector.job.sideOutputLate) expect(grouped(vector.ordering, late)).toEqual(grouped(vector.ordering, vector.expected.late));
    });
  }
});
