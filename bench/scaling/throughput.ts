import type { Log } from "../../core/ports/log.ts";
import { rounded } from "../meter.ts";
import { Instance, type System, sleep, until } from "./instances.ts";
import { Stage } from "./stage.ts";

const keys = 10_000;
const lookEveryMs = 20;

/** Records per second, and CPU seconds per million records from its start on, of one instance with so many tasks, from the first commit that has any to the one that has all; by what the group has committed, so that nobody else reads or writes meanwhile. */
export const throughput = async (
  log: Log,
  brokers: string,
  system: System,
  tasks: number,
  records: number,
): Promise<Readonly<Record<string, number>>> => {
  const stage = new Stage(log, tasks);
  await stage.create();
  await stage.fill(records, keys);
  const { applicationId, input, output } = stage;
  const instance = new Instance(system, {
    brokers,
    applicationId,
    input,
    output,
    standbys: 0,
    sessionMs: 45_000,
    heartbeatMs: 3_000,
    commitMs: 100,
  });
  try {
    let [first, firstMs] = [0, 0];
    await until("the first commit", async () => {
      first = await stage.committed();
      firstMs = performance.now();
      return first > 0;
    });
    let now = first;
    while (now < records) {
      await sleep(lookEveryMs);
      now = await stage.committed();
    }
    const seconds = (performance.now() - firstMs) / 1000;
    const cpu = instance.cpuSeconds;
    return {
      tasks,
      records,
      recordsPerSecond: Math.round((records - first) / seconds),
      seconds: rounded(seconds, 2),
      ...(cpu === undefined ? {} : { cpuSecondsPerMillion: rounded((cpu * 1e6) / records, 2) }),
    };
  } finally {
    instance.kill();
    await instance.ended;
    await stage.delete();
  }
};
