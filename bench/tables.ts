import { fileURLToPath } from "node:url";
import type { Comparison } from "./bench_case.ts";
import type { JavaPrograms } from "./java_programs.ts";
import { brokerLog, fresh } from "./job.ts";
import { kafkaStreamsJobs } from "./kafka_streams_jobs.ts";
import { measuredBy, ratios, sideBySide } from "./side_by_side.ts";
import { stageOf } from "./tables/stage.ts";
import { type TableJob, tableJobs } from "./tables/topologies.ts";

const records = 1_000_000;
const script = fileURLToPath(new URL("tables/millrace_run.ts", import.meta.url));
/** As much as the others have. */
const heap = "--max-old-space-size=384";

let compiled: Promise<JavaPrograms | { readonly missing: string }> | undefined;

const comparison = (name: string, job: TableJob, guarantee: "exactly-once" | "at-least-once"): Comparison => ({
  name: `${job.title} beside Kafka Streams, ${guarantee}`,
  needsKafka: true,
  compare: async (setting) => {
    compiled ??= kafkaStreamsJobs();
    const java = await compiled;
    if ("missing" in java) setting.say(`Kafka Streams: skipped, ${java.missing}`);
    const log = await brokerLog(setting);
    const count = setting.share(records);
    const stage = await stageOf(log, job, count);
    const commandOf: Readonly<Record<string, (args: readonly string[]) => readonly string[]>> = {
      millrace: (args) => [process.execPath, heap, script, ...args],
      ...("missing" in java ? {} : { kafkaStreams: (args) => java.command("MeasuredRun", args) }),
    };
    try {
      const { millrace, kafkaStreams } = await sideBySide(Object.keys(commandOf), setting, async (system) => {
        const output = await stage.output();
        const args = [setting.brokers!, String(count), name, guarantee, fresh(`tables-${system}`), stage.inputs.join(","), output];
        const line = await measuredBy(commandOf[system]!(args));
        return { ...line, results: await stage.check(output) };
      });
      return kafkaStreams === undefined
        ? { millrace: millrace! }
        : { millrace: millrace!, kafkaStreams, ...ratios(millrace!, kafkaStreams) };
    } finally {
      await stage.clear();
      await log.close();
    }
  },
});

/** What tables are made of, exactly once and at least once, each beside Kafka Streams on the same input. */
export const cases: readonly Comparison[] = Object.entries(tableJobs).flatMap(([name, job]) => [
  comparison(name, job, "exactly-once"),
  comparison(name, job, "at-least-once"),
]);
