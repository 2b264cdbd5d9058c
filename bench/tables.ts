import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Comparison, Measured } from "./bench_case.ts";
import { brokerLog, fresh } from "./job.ts";
import { type KafkaStreamsJobs, kafkaStreamsJobs } from "./kafka_streams_jobs.ts";
import { rounded } from "./meter.ts";
import { stageOf } from "./tables/stage.ts";
import { type TableJob, tableJobs } from "./tables/topologies.ts";

const records = 1_000_000;
const patienceMs = 10 * 60_000;
const script = fileURLToPath(new URL("tables/millrace_run.ts", import.meta.url));
/** As much as the others have. */
const heap = "--max-old-space-size=384";

let compiled: Promise<KafkaStreamsJobs | { readonly missing: string }> | undefined;

const one = async ([command, ...args]: readonly string[]): Promise<Measured> =>
  JSON.parse((await promisify(execFile)(command!, args, { timeout: patienceMs })).stdout) as Measured;

/** What one has of the other's, in the direction in which more is better for records and less for the rest. */
const share = (millrace: Measured, kafkaStreams: Measured, name: string): number => rounded(millrace[name]! / kafkaStreams[name]!, 2);

const comparison = (name: string, job: TableJob, guarantee: "exactly-once" | "at-least-once"): Comparison => ({
  name: `${job.title} beside Kafka Streams, ${guarantee}`,
  needsKafka: true,
  compare: async ({ runs, say, best, ...setting }) => {
    compiled ??= kafkaStreamsJobs();
    const java = await compiled;
    if ("missing" in java) say(`Kafka Streams: skipped, ${java.missing}`);
    const log = await brokerLog(setting);
    const count = setting.share(records);
    const stage = await stageOf(log, job, count);
    const commands: Readonly<Record<string, (args: readonly string[]) => readonly string[]>> = {
      millrace: (args) => [process.execPath, heap, script, ...args],
      ...("missing" in java ? {} : { kafkaStreams: (args) => java.command("MeasuredRun", args) }),
    };
    const measured: Record<string, Measured[]> = {};
    try {
      // In turn, so that a machine that is busy for a while is so for both.
      for (let run = 0; run < runs; run++)
        for (const [system, command] of Object.entries(commands)) {
          const output = await stage.output();
          const args = [setting.brokers!, String(count), name, guarantee, fresh(`tables-${system}`), stage.inputs.join(","), output];
          const line = await one(command(args));
          const results = await stage.check(output);
          say(`${system}, run ${run + 1} of ${runs}: ${JSON.stringify({ ...line, results })}`);
          (measured[system] ??= []).push({ ...line, results });
        }
    } finally {
      await stage.clear();
      await log.close();
    }
    const millrace = best(measured["millrace"]!);
    if (measured["kafkaStreams"] === undefined) return { millrace };
    const kafkaStreams = best(measured["kafkaStreams"]);
    return {
      millrace,
      kafkaStreams,
      times: share(millrace, kafkaStreams, "recordsPerSecond"),
      cpu: share(millrace, kafkaStreams, "cpuSecondsPerMillion"),
      memory: share(millrace, kafkaStreams, "peakRssMb"),
    };
  },
});

/** What tables are made of, exactly once and at least once, each beside Kafka Streams on the same input. */
export const cases: readonly Comparison[] = Object.entries(tableJobs).flatMap(([name, job]) => [
  comparison(name, job, "exactly-once"),
  comparison(name, job, "at-least-once"),
]);
