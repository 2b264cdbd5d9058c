import { type Log, noHeaders, partitionId } from "../../core/ports/log.ts";
import { json } from "../../core/serde/json.ts";
import { createTopics, keyCount, type Payment, partitionsOf, prepared, writeRecords } from "../input_topic.ts";
import { fresh } from "../job.ts";
import type { TableJob } from "./topologies.ts";

/** Of event time: each key comes once a second. */
const recordsPerMs = 10;
/** An authorization comes so long after its payment, nearer to it than to the next one of its key. */
const authorizedAfterMs = 200;
const payments = json<Payment>();

/** The input that both systems read. */
export interface Stage {
  readonly inputs: readonly string[];
  /** An empty topic for the results of one run. */
  output(): Promise<string>;
  /** Throws unless the output of a run is what it should be; gives how many records it has. */
  check(output: string): Promise<number>;
  /** Deletes the topics that are there because of it. */
  clear(): Promise<void>;
}

/** Writes the input of a job: so many records, all of its streams together. */
export const stageOf = async (log: Log, job: TableJob, records: number): Promise<Stage> => {
  const name = fresh("tables");
  const inputs = job.inputs === "stream" ? [`${name}-payments`] : [`${name}-payments`, `${name}-others`];
  await createTopics(log, inputs);
  await write(log, job.inputs, inputs, records);
  let outputs = 0;
  return {
    inputs,
    output: async () => {
      const output = `${name}-output-${outputs++}`;
      await createTopics(log, [output]);
      return output;
    },
    check: async (output) => {
      const { count, lastValues } = await read(log, output, job.output.kind === "counts");
      const [found, wanted] = job.output.kind === "counts" ? [lastValues, records] : [count, Math.floor(records * job.output.share)];
      if (found !== wanted) throw new Error(`'${job.title}' gave ${found} instead of ${wanted}: what was measured is not the job`);
      return count;
    },
    clear: async () => log.admin.delete((await log.admin.list()).filter((topic) => topic.startsWith(name))),
  };
};

/** All keys in turn, in an order that has nothing to do with their bytes. */
const write = async (log: Log, kind: TableJob["inputs"], inputs: readonly string[], records: number): Promise<void> => {
  const all = prepared((payment) => payments.serialize(payment, ""));
  const [first, second] = inputs as [string, string];
  const count = kind === "two streams" ? Math.floor(records / 2) : records;
  const startMs = Date.now() - 60_000 - Math.ceil(count / recordsPerMs);
  const to = (topic: string, offsetMs: number) => (outbox: ReturnType<Log["outbox"]>, i: number) => {
    const { key, value, partition } = all[(i * 7_919) % keyCount]!;
    outbox.append(topic, partition, key, value, startMs + offsetMs + Math.floor(i / recordsPerMs), noHeaders);
  };
  if (kind === "stream and table") await writeRecords(log, keyCount, to(second, -10_000));
  if (kind === "two streams") await writeRecords(log, count, to(second, authorizedAfterMs));
  await writeRecords(log, count, to(first, 0));
};

/** How many committed records a topic has; and the sum of the last count of each of its keys, where they are counts. */
const read = async (log: Log, topic: string, counts: boolean): Promise<{ readonly count: number; readonly lastValues: number }> => {
  const all = partitionsOf(topic);
  const ends = await log.admin.offsets(all, "latest", "read-committed");
  const open = new Map(all.map((one) => [partitionId(one.topic, one.partition), { ...one, offset: 0 }]));
  const closeAtEnd = (id: string): boolean => open.get(id)!.offset >= ends.get(id)! && open.delete(id);
  for (const id of [...open.keys()]) closeAtEnd(id);
  const last = new Map<string, number>();
  const fetcher = log.fetcher({ isolation: "read-committed" });
  let count = 0;
  while (open.size > 0)
    for (const { topic, partition, records, nextOffset } of await fetcher.poll([...open.values()], 500)) {
      while (records.next()) {
        count++;
        if (!counts) continue;
        const value = records.value()!;
        last.set(Buffer.from(records.key()!).toString("latin1"), new DataView(value.buffer, value.byteOffset).getInt32(0));
      }
      const id = partitionId(topic, partition);
      open.set(id, { topic, partition, offset: nextOffset });
      closeAtEnd(id);
    }
  await fetcher.close();
  return { count, lastValues: [...last.values()].reduce((sum, value) => sum + value, 0) };
};
