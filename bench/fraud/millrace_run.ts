// Runs a job over the payments of a file, until all of it is committed, and writes what it has cost and what came out as a line of JSON: node millrace_run.ts FILE RECORDS JOB. The same as MeasuredRun.java.
import { crc32 } from "node:zlib";
import { type Log, noHeaders } from "../../core/ports/log.ts";
import { run } from "../../mod.ts";
import { writeRecords } from "../input_topic.ts";
import { embeddedLog } from "../job.ts";
import { meter } from "../meter.ts";
import { type FraudJobName, fraudJobs } from "./jobs.ts";
import { readPayments, type Written } from "./payments.ts";

const [file, records, name] = process.argv.slice(2) as [string, string, FraudJobName];
const job = fraudJobs[name];
if (job === undefined) throw new Error(`There is no job '${name}': there are ${Object.keys(fraudJobs).join(", ")}`);

const main = async (): Promise<void> => {
  const log = embeddedLog();
  await log.admin.create(["payments", "results"].map((topic) => ({ topic, partitions: 1, replication: -1, config: {} })));
  await write(log);
  let measuring = meter();
  const app = await run(job.build("payments", "results"), {
    log,
    applicationId: name,
    mode: "batch",
    on: {
      assigned: () => {
        measuring = meter();
      },
    },
  });
  await app.finished;
  const measured = measuring.read(Number(records));
  process.stdout.write(`${JSON.stringify({ ...measured, ...(await summary(log)) })}\n`);
};

const write = async (log: Log): Promise<void> => {
  const payments = readPayments(file);
  const encoder = new TextEncoder();
  await writeRecords(log, Number(records), (outbox) => {
    const { value, payment } = payments.next().value as Written;
    outbox.append("payments", 0, encoder.encode(payment.accountId), value, payment.timestamp, noHeaders);
  });
};

/** How many results there are, and the sum of their CRC-32, in which their order makes no difference. */
const summary = async (log: Log): Promise<{ readonly results: number; readonly checksum: number }> => {
  const position = { topic: "results", partition: 0 };
  const [end] = [...(await log.admin.offsets([position], "latest", "read-committed")).values()];
  const fetcher = log.fetcher({ isolation: "read-committed" });
  let results = 0;
  let checksum = 0;
  for (let offset = 0; offset < end!; )
    for (const { records, nextOffset } of await fetcher.poll([{ ...position, offset }], 500)) {
      while (records.next()) {
        results++;
        checksum += crc32(records.value()!);
      }
      offset = nextOffset;
    }
  await fetcher.close();
  await log.close();
  return { results, checksum };
};

await main();
