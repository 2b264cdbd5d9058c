import { memoryLog } from "../core/log/mod.ts";
import type { Log } from "../core/ports/log.ts";
import { systemClock } from "../topology/platform.ts";
import { run } from "../topology/run.ts";
import type { RunOptions } from "../topology/run_options.ts";
import type { Topology } from "../topology/topology.ts";
import type { BenchSetting, Measured } from "./bench_case.ts";
import { createTopics, type Payment, writeInput } from "./input_topic.ts";
import { meter } from "./meter.ts";

export interface Job {
  readonly input: string;
  readonly output: string;
  readonly topology: Topology;
  readonly records: number;
  readonly guarantee: NonNullable<RunOptions["guarantee"]>;
  /** How the input is written. */
  readonly serialize: (payment: Payment) => Uint8Array;
  readonly log: Log;
}

/** A topic or an application that no other run has. */
export const fresh = (name: string): string => `${name}-${process.pid}-${Date.now().toString(36)}`;

/** A log in this process, on the machine's clock. */
export const embeddedLog = (): Log => memoryLog({ clock: systemClock }).connect();

/** The log of the broker that the runner names. */
export const brokerLog = async ({ brokers }: BenchSetting): Promise<Log> => {
  if (brokers === undefined) throw new Error("This case needs a broker: give --brokers HOST:PORT");
  const { kafkaLog } = await import("../node/kafka/mod.ts");
  return kafkaLog({ brokers: brokers.split(",") });
};

/**
 * Writes the input, and measures a batch run over it: from the moment at which the tasks are assigned until the run has ended, the last commit and leaving the group included. What the machine's
 * compiler has to learn is included, too, as it is for every program that starts.
 */
export const measureJob = async ({ input, output, topology, records, guarantee, serialize, log }: Job): Promise<Measured> => {
  await createTopics(log, [input, output]);
  await writeInput(log, input, records, serialize);
  let measuring = meter();
  let commits = 0;
  const app = await run(topology, {
    log,
    applicationId: fresh(topology.name),
    guarantee,
    mode: "batch",
    on: {
      assigned: () => {
        measuring = meter();
      },
      commit: () => {
        commits++;
      },
    },
  });
  await app.finished;
  const measured = measuring.read(records);
  const handled = await log.admin.offsets([{ topic: output, partition: 0 }], "latest", "read-committed");
  if ([...handled.values()].every((end) => end === 0)) throw new Error(`Nothing was written to '${output}': the job measured did nothing`);
  await log.close();
  return { ...measured, commits };
};
