import { seededRandom } from "../../core/time_source/seeded_random.ts";
import { type SimulationReport, simulate } from "../../topology/testing/mod.ts";
import type { Scenario } from "./scenario.ts";
import { scenarios } from "./scenarios.ts";

export const scenarioOf = (seed: number): Scenario => scenarios[seed % scenarios.length]!;

/** Most seeds have transactions: what is promised without them is less. */
export const guaranteeOf = (seed: number): "exactly-once" | "at-least-once" | "none" =>
  seed % 9 === 4 ? "at-least-once" : seed % 27 === 8 ? "none" : "exactly-once";

/** One seed: which program, which input, which faults. */
export const simulateSeed = async (seed: number, only?: ReadonlySet<string>): Promise<SimulationReport> => {
  const scenario = scenarioOf(seed);
  const guarantee = guaranteeOf(seed);
  const report = await simulate(scenario.topology, {
    seed,
    input: scenario.input(seededRandom(seed)),
    ...(scenario.upgrade && { upgrade: scenario.upgrade }),
    ...(scenario.instances && { instances: scenario.instances }),
    ...(scenario.partitions && { partitions: scenario.partitions }),
    ...(only && { only }),
    run: { ...scenario.run, guarantee },
  });
  const isToCheck = guarantee === "exactly-once" && report.account.taken > 0 && report.violations.length === 0;
  return isToCheck ? { ...report, violations: scenario.check?.(report) ?? [] } : report;
};

/** What kind of fault a name stands for: that of the moment, or the request and what happened to it. */
export const faultKind = (id: string): string => id.replace(/^process \d+ (\w+) \d+ /, "$1 ").replace(/^\d+ /, "");
