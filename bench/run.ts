// What Millrace costs: `npm run bench -- --help`. One line of JSON per case on standard output, progress on standard error.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type LocalKafka, startKafka } from "../node/local/kafka_broker.ts";
import { kafkaMissing } from "../node/local/kafka_jars.ts";
import { numberOption, refuse, toolOptions } from "../test/support/tool_options.ts";
import type { BenchCase, Comparison, Measured } from "./bench_case.ts";
import { casesOf, families } from "./cases.ts";

const help = `npm run bench [-- [WORD ...] [options]]

  WORD                  the cases with one of these words in their name or in their family's: ${families.join(", ")}

  --only TEXT           the cases whose name holds TEXT
  --runs N              how often each case is run, each time in a process of its own (5); the best one counts
  --scale X             that share of the records (1)
  --brokers HOST:PORT   the Kafka to measure on; without it one is started here
  --no-kafka            leave out what needs a broker
  --list                say which cases there are

Each line has records per second, CPU seconds per million records (user and system, all threads) and the peak of resident memory in MB, of the run with the least CPU;
beside Kafka Streams or Flink, the same of both, and as 'times', 'cpu' and 'memory' what Millrace has of each for one that the other has;
for latencies, in milliseconds from the moment a record was due to the moment it was read as committed, of the run with the median p99.
`;

const { values: options, positionals: words } = toolOptions(help, {
  options: {
    only: { type: "string", default: "" },
    runs: { type: "string", default: "5" },
    scale: { type: "string", default: "1" },
    brokers: { type: "string" },
    kafka: { type: "boolean", default: true },
    list: { type: "boolean", default: false },
  },
  allowNegative: true,
  allowPositionals: true,
});
const runs = numberOption("runs", options.runs);
const scale = numberOption("scale", options.scale, { least: 0.001, whole: false });

interface Chosen {
  readonly family: string;
  readonly one: BenchCase | Comparison;
}

const main = async (): Promise<void> => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  const chosen: Chosen[] = [];
  for (const family of families)
    for (const one of await casesOf(family))
      if (
        one.name.includes(options.only) &&
        (words.length === 0 || words.some((word) => `${family} ${one.name}`.toLowerCase().includes(word.toLowerCase())))
      )
        chosen.push({ family, one });
  if (options.list) return void process.stdout.write(chosen.map(({ one }) => `${one.name}\n`).join(""));
  if (chosen.length === 0) refuse(`No case has '${[...words, options.only].join(" ").trim()}' in its name ('--list' says which there are)`);
  const broker = await findBroker(chosen.some(({ one }) => one.needsKafka === true));
  try {
    for (const { family, one } of chosen) {
      if (one.needsKafka && "missing" in broker) say(`${one.name}: skipped, ${broker.missing}`);
      else if ("compare" in one) await compare(one, "brokers" in broker ? broker.brokers : "");
      else await measure(family, one, "brokers" in broker ? broker.brokers : "");
    }
  } finally {
    if ("kafka" in broker) await broker.kafka?.stop();
  }
};

type Broker = { readonly brokers: string; readonly kafka?: LocalKafka } | { readonly missing: string };

const findBroker = async (wanted: boolean): Promise<Broker> => {
  if (options.brokers !== undefined) return { brokers: options.brokers };
  if (!wanted || !options.kafka) return { missing: "as --no-kafka says" };
  const missing = kafkaMissing();
  if (missing.length > 0) return { missing: `${missing.join(" and ")} not found` };
  say("starting a broker");
  const kafka = await startKafka({ heapMb: 768 });
  return { brokers: kafka.brokers[0]!, kafka };
};

const measure = async (family: string, one: BenchCase, brokers: string): Promise<void> => {
  const measured: Measured[] = [];
  for (let run = 0; run < runs; run++) {
    const script = fileURLToPath(new URL("one_run.ts", import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [script, family, one.name, String(scale), brokers]);
    measured.push(JSON.parse(stdout) as Measured);
    say(`${one.name}: run ${run + 1} of ${runs} ${stdout.trim()}`);
  }
  const line = { case: one.name, ...one.about, ...representative(measured), runs, node: process.version };
  process.stdout.write(`${JSON.stringify(line)}\n`);
};

const compare = async (one: Comparison, brokers: string): Promise<void> => {
  const setting = { brokers, runs, best: representative, share: (full: number) => Math.ceil(full * scale) };
  const line = { case: one.name, ...(await one.compare({ ...setting, say: (text) => say(`${one.name}: ${text}`) })) };
  process.stdout.write(`${JSON.stringify({ ...line, runs, node: process.version })}\n`);
};

/** What other work on the machine adds is no cost of ours, so the least CPU counts; of latencies, which chance makes better as well as worse, the middle. */
const representative = (measured: readonly Measured[]): Measured => {
  if (measured[0]!["cpuSecondsPerMillion"] !== undefined) return sortedBy(measured, "cpuSecondsPerMillion")[0]!;
  return sortedBy(measured, "p99")[(measured.length - 1) >> 1]!;
};

const sortedBy = (measured: readonly Measured[], name: string): readonly Measured[] =>
  measured.toSorted((one, other) => one[name]! - other[name]!);

const say = (text: string): void => void process.stderr.write(`${text}\n`);

await main();
