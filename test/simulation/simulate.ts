import { type SimulationReport, shrink } from "../../topology/testing/mod.ts";
import { numberOption, toolOptions } from "../support/tool_options.ts";
import { faultKind, scenarioOf, simulateSeed } from "./simulate_seed.ts";

const help = `
npm run simulate -- [options]

Whole clusters of instances on virtual time, with everything that can go wrong; each seed is a run of its own. Exit code 1 when a promise is broken.

  --seeds N       how many seeds are run (300)
  --from S        the first of them (1)
  --first         stop at the first seed that fails, and name each seed
  --seed S        one seed alone, with a trace of what happens in it
  --faults NAME   of that seed only these faults; may be given more than once
`;

const { values } = toolOptions(help, {
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "300" },
    from: { type: "string", default: "1" },
    faults: { type: "string", multiple: true },
    first: { type: "boolean", default: false },
  },
});
const triesMax = 200;
const progressMs = 10_000;
const show = (line: string): void => console.log(line);

const one = async (seed: number, only: ReadonlySet<string> | undefined): Promise<boolean> => {
  const { trace, traceHash, violations, account, faults } = await simulateSeed(seed, only);
  show(`Seed ${seed}, scenario '${scenarioOf(seed).name}', ${faults.length} faults`);
  for (const line of trace) show(line);
  show(`${account.taken} records taken, ${account.late} late, ${account.deadLetters} dead letters, ${account.skipped} skipped`);
  for (const violation of violations) show(`Violated: ${violation}`);
  show(`Trace hash ${traceHash}, ${violations.length} violations`);
  return violations.length === 0;
};

const explain = async ({ seed, violations, faults }: SimulationReport): Promise<void> => {
  show(`Seed ${seed} (scenario '${scenarioOf(seed).name}') violates:`);
  for (const violation of violations) show(`  ${violation}`);
  show(`  To see it: npm run simulate -- --seed ${seed}`);
  const fails = async (selection: readonly string[]): Promise<boolean> =>
    (await simulateSeed(seed, new Set(selection))).violations.length > 0;
  const needed = await shrink([...new Set(faults)], fails, triesMax);
  show(`  ${needed.length} of ${faults.length} faults are enough: ${needed.map((id) => `'${id}'`).join(", ") || "it fails without any"}`);
  if (needed.length > 0) show(`  With these alone: npm run simulate -- --seed ${seed} ${needed.map((id) => `--faults '${id}'`).join(" ")}`);
};

const many = async (from: number, count: number): Promise<boolean> => {
  const began = process.cpuUsage();
  let told = performance.now();
  let [faults, records, violations] = [0, 0, 0];
  const kinds = new Set<string>();
  const last = (done: number): string => {
    // Of the processor's time: on a busy machine the wall's says more about the others.
    const { user, system } = process.cpuUsage(began);
    const perMinute = Math.round((done * 60_000_000) / (user + system));
    return `${done} seeds, ${faults} faults of ${kinds.size} kinds, ${records} records, ${violations} violations, ${perMinute} seeds/min`;
  };
  for (let seed = from; seed < from + count; seed++) {
    const report = await simulateSeed(seed);
    faults += report.faults.length;
    records += report.account.taken;
    violations += report.violations.length;
    for (const fault of report.faults) kinds.add(faultKind(fault));
    if (report.violations.length > 0) await explain(report);
    if (performance.now() - told < progressMs) continue;
    told = performance.now();
    show(last(seed - from + 1));
  }
  show(last(count));
  return violations === 0;
};

const untilFirst = async (from: number, count: number): Promise<boolean> => {
  for (let seed = from; seed < from + count; seed++) {
    show(`Seed ${seed}`);
    const [violation] = (await simulateSeed(seed)).violations;
    if (violation === undefined) continue;
    show(violation);
    return false;
  }
  return true;
};

const only = values.faults === undefined ? undefined : new Set(values.faults);
const [from, count] = [numberOption("from", values.from), numberOption("seeds", values.seeds)];
const good =
  values.seed !== undefined
    ? await one(numberOption("seed", values.seed), only)
    : values.first
      ? await untilFirst(from, count)
      : await many(from, count);
process.exitCode = good ? 0 : 1;
