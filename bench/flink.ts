import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Comparison } from "./bench_case.ts";
import { type FraudJobName, fraudJobs } from "./fraud/jobs.ts";
import { writePayments } from "./fraud/payments.ts";
import { type JavaPrograms, javaPrograms } from "./java_programs.ts";
import { onOneCore } from "./one_core.ts";
import { measuredBy, ratios, sideBySide } from "./side_by_side.ts";

const payments = 1_000_000;
const script = fileURLToPath(new URL("fraud/millrace_run.ts", import.meta.url));
const heapMb = 1_024;
/** Of Millrace by default. */
const commitMs = 100;

let compiled: Promise<JavaPrograms | { readonly missing: string }> | undefined;

/** A job over the payments of the fraud example, in memory and on one core, beside Flink on the same payments: with checkpoints as often as Millrace commits, and with none. What comes out has to be the same. */
const besideFlink = (name: FraudJobName): Comparison => ({
  name: `${fraudJobs[name].title}, fraud data, beside Flink`,
  compare: async (setting) => {
    compiled ??= javaPrograms({ folder: "flink", versionProperty: "flink.version", machine: [`-Xmx${heapMb}m`, "-XX:+UseSerialGC"] });
    const java = await compiled;
    if ("missing" in java) setting.say(`Flink: skipped, ${java.missing}`);
    const count = setting.share(payments);
    const file = inputOf(count);
    const flink = (checkpointMs: number): readonly string[] =>
      "missing" in java ? [] : java.command("MeasuredRun", [file, count, name, checkpointMs]);
    const commands: Readonly<Record<string, () => readonly string[]>> = {
      millrace: () => [process.execPath, `--max-old-space-size=${heapMb}`, script, file, String(count), name],
      ...("missing" in java ? {} : { flink: () => flink(commitMs), flinkWithoutCheckpoints: () => flink(0) }),
    };
    let wanted: string | undefined;
    const best = await sideBySide(Object.keys(commands), setting, async (system) => {
      const line = await measuredBy([...onOneCore(), ...commands[system]!()]);
      const found = `${line["results"]} results with the checksum ${line["checksum"]}`;
      wanted ??= found;
      if (found !== wanted || line["results"] === 0)
        throw new Error(`'${name}' gave ${found} (${system}), and ${wanted} before: what was measured is not the job`);
      return line;
    });
    const { millrace, flink: other, flinkWithoutCheckpoints: without } = best;
    if (other === undefined || without === undefined) return best;
    const { times, cpu } = ratios(millrace!, without);
    return { ...best, ...ratios(millrace!, other), timesWithoutCheckpoints: times, cpuWithoutCheckpoints: cpu };
  },
});

/** Written once, and deleted when this process ends. */
let written: { readonly count: number; readonly file: string } | undefined;

const inputOf = (count: number): string => {
  if (written?.count === count) return written.file;
  const folder = mkdtempSync(join(tmpdir(), "millrace-payments-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  written = { count, file: join(folder, "payments") };
  writePayments(written.file, count);
  return written.file;
};

export const cases: readonly Comparison[] = (Object.keys(fraudJobs) as FraudJobName[]).map(besideFlink);
