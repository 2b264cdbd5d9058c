import { seededRandom } from "../../core/time_source/seeded_random.ts";
import { type SimulationReport, simulate } from "../../topology/testing/mod.ts";
import type { Scenario } from "./scenario.ts";
import { scenarios } from "./scenarios.ts";

export const scenarioOf = (seed: number): Scenario => scenarios[seed % scenarios.length]!;

/** One seed: which program, which input, which faults. */
export const simulateSeed = (seed: number, only?: ReadonlySet<string>): Promise<SimulationReport> => {
  const scenario = scenarioOf(seed);
  return simulate(scenario.topology, {
    seed,
    input: scenario.input(seededRandom(seed)),
    ...(scenario.upgrade && { upgrade: scenario.upgrade }),
    ...(scenario.instances && { instances: scenario.instances }),
    ...(scenario.partitions && { partitions: scenario.partitions }),
    ...(only && { only }),
  });
};

/** What kind of fault a name stands for: that of the moment, or the request and what happened to it. */
export const faultKind = (id: string): string => id.replace(/^process \d+ (\w+) \d+ /, "$1 ").replace(/^\d+ /, "");
