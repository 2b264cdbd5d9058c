import { numberOption, toolOptions } from "../support/tool_options.ts";
import { chaosRun, judgeAgain } from "./chaos_run.ts";
import type { Verdict } from "./verdict.ts";

const help = `
npm run chaos -- [options]

Faults of every kind on three real brokers and an application of several processes, and a verdict on what it has committed. Exit code 1 when something is wrong.

  --minutes M       how long faults happen (10)
  --seed S          what is chosen by chance depends on it
  --rate N          orders per second (200)
  --standbys N      standbys per task (1)
  --judge FOLDER    judges a run again whose folder was kept
`;

const { values } = toolOptions(help, {
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string" },
    rate: { type: "string", default: "200" },
    standbys: { type: "string", default: "1" },
    judge: { type: "string" },
  },
});
const minutes = numberOption("minutes", values.minutes, { least: 0.1, whole: false });
const seed = values.seed === undefined ? 1 + (Date.now() % 1_000_000) : numberOption("seed", values.seed);
const rate = numberOption("rate", values.rate);
const standbys = numberOption("standbys", values.standbys, { least: 0 });

// Whatever was started is ended by handlers of "exit".
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

const began = performance.now();
const say = (line: string): void => console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(7)} s  ${line}`);
const shownMax = 20;

/** Says what is wrong, and gives the last line's part of it. */
const told = ({ records, lost, duplicated, outOfOrder }: Verdict): string => {
  for (const [kind, sentences] of Object.entries({ lost, duplicated, "out of order": outOfOrder })) {
    for (const sentence of sentences.slice(0, shownMax)) say(`${kind}: ${sentence}`);
    if (sentences.length > shownMax) say(`${kind}: and ${sentences.length - shownMax} more`);
  }
  if (lost.length + duplicated.length + outOfOrder.length > 0) process.exitCode = 1;
  return `${records} records, ${lost.length} lost, ${duplicated.length} duplicated, ${outOfOrder.length} out of order`;
};

const run = async (): Promise<void> => {
  say(`${minutes} minutes, seed ${seed}, ${rate} orders per second, ${standbys} standbys`);
  const report = await chaosRun({ minutes, seed, rate, standbys, say });
  const outcome = told(report);
  say([...report.done].map(([name, times]) => `${name}: ${times}`).join(", "));
  say(
    `${report.windows} windows, ${report.late} orders rightly late; longest standstill ${report.standstillSeconds.toFixed(1)} s; ${report.endedByThemselves} processes ended by themselves`,
  );
  if (report.folder !== undefined) say(`something is wrong; ledger, logs and data are in ${report.folder}; seed ${seed}`);
  console.log(`${report.faults} faults, ${outcome}`);
};

if (values.judge === undefined) await run();
else console.log(told(await judgeAgain(values.judge, say)));
process.exit();
