// Runs a topology over the input that is there, until all of it is committed, and writes what it has cost as a line of JSON: node millrace_run.ts BROKERS RECORDS TOPOLOGY GUARANTEE APPLICATION INPUT[,INPUT] OUTPUT. The same as MeasuredRun.java.
import { run } from "../../node/mod.ts";
import type { RunOptions } from "../../topology/run_options.ts";
import { meter } from "../meter.ts";
import { tableJobs } from "./topologies.ts";

const [brokers, records, name, guarantee, applicationId, inputs, output] = process.argv.slice(2) as string[];
const job = tableJobs[name!];
if (job === undefined) throw new Error(`There is no topology '${name}': there are ${Object.keys(tableJobs).join(", ")}`);

let measuring = meter();
const app = await run(job.build(inputs!.split(","), output!), {
  brokers: brokers!,
  applicationId: applicationId!,
  guarantee: guarantee as NonNullable<RunOptions["guarantee"]>,
  mode: "batch",
  on: {
    assigned: () => {
      measuring = meter();
    },
  },
});
await app.finished;
process.stdout.write(`${JSON.stringify(measuring.read(Number(records)))}\n`);
