import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { ComparisonSetting, Measured } from "./bench_case.ts";
import { rounded } from "./meter.ts";

const patienceMs = 10 * 60_000;

/** The best run of each system. They run in turn, so that a machine that is busy for a while is so for all; `measure` runs one of them once, and checks what came out. */
export const sideBySide = async (
  systems: readonly string[],
  { runs, say, best }: Pick<ComparisonSetting, "runs" | "say" | "best">,
  measure: (system: string) => Promise<Measured>,
): Promise<Readonly<Record<string, Measured>>> => {
  const measured = systems.map((): Measured[] => []);
  for (let run = 0; run < runs; run++)
    for (const [i, system] of systems.entries()) {
      const line = await measure(system);
      say(`${system}, run ${run + 1} of ${runs}: ${JSON.stringify(line)}`);
      measured[i]!.push(line);
    }
  return Object.fromEntries(systems.map((system, i) => [system, best(measured[i]!)]));
};

/** The line that a process writes which measures itself. */
export const measuredBy = async ([command, ...args]: readonly string[]): Promise<Measured> =>
  JSON.parse((await promisify(execFile)(command!, args, { timeout: patienceMs })).stdout) as Measured;

/** What the first has of each for one that the other has: more is better for records, less for the rest. */
export const ratios = (one: Measured, other: Measured): { readonly times: number; readonly cpu: number; readonly memory: number } => {
  const share = (name: string): number => rounded(one[name]! / other[name]!, 2);
  return { times: share("recordsPerSecond"), cpu: share("cpuSecondsPerMillion"), memory: share("peakRssMb") };
};
