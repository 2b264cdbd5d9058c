// What happens to the flow when instances come and go: `npm run bench:scaling -- --help`. One line of JSON per measurement on standard output, progress on standard error.
import type { Log } from "../../core/ports/log.ts";
import { kafkaLog } from "../../node/kafka/mod.ts";
import { startKafka } from "../../node/local/kafka_broker.ts";
import { numberOption, toolOptions } from "../../test/support/tool_options.ts";
import { disturb, disturbances } from "./disturbances.ts";
import { kafkaStreams, millrace, type System } from "./instances.ts";
import { throughput } from "./throughput.ts";

const help = `npm run bench:scaling [-- options]

  --only TEXT           the measurements whose name holds TEXT: throughput, ${disturbances.map(({ name }) => name).join(", ")}
  --tasks 1,8,32,128    how many tasks the one instance of a throughput has
  --records N           of a throughput (2000000)
  --keys N              how much state there is before instances come and go (120000)
  --runs N              of a throughput, the best one counts (3)
  --standbys 0,1        with how many standbys the others are measured
  --no-java             leave out Kafka Streams
  --no-millrace         leave out Millrace
  --brokers HOST:PORT   the Kafka to measure on; without it one is started here

Instances are processes of their own and are stopped by SIGTERM or killed by SIGKILL. Session timeout 6 s, heartbeat 0.5 s, commit interval 100 ms, exactly once, state in memory, the same for both systems.
A gap is the longest time in which nothing that is committed came out of a task, over the whole disturbance; in a steady flow it is a little more than the commit interval.
`;

const { values: options } = toolOptions(help, {
  options: {
    only: { type: "string", default: "" },
    tasks: { type: "string", default: "1,8,32,128" },
    records: { type: "string", default: "2000000" },
    keys: { type: "string", default: "120000" },
    runs: { type: "string", default: "3" },
    standbys: { type: "string", default: "0,1" },
    java: { type: "boolean", default: true },
    millrace: { type: "boolean", default: true },
    brokers: { type: "string" },
  },
  allowNegative: true,
});
const numbers = (text: string): readonly number[] => text.split(",").map(Number);
const say = (text: string): void => void process.stderr.write(`${text}\n`);
const tell = (line: Readonly<Record<string, unknown>>): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const systems = async (): Promise<readonly System[]> => {
  const chosen: System[] = options.millrace ? [millrace] : [];
  if (!options.java) return chosen;
  const streams = await kafkaStreams();
  if ("missing" in streams) say(`Kafka Streams: skipped, ${streams.missing}`);
  else chosen.push(streams);
  return chosen;
};

/** Run after run over all of them, so that a machine that is busy for a while is so for all; the best run of each counts. */
const measureThroughput = async (log: Log, brokers: string, chosen: readonly System[]): Promise<void> => {
  const best = new Map<string, Readonly<Record<string, unknown>>>();
  for (let run = 0; run < numberOption("runs", options.runs); run++)
    for (const system of chosen)
      for (const tasks of numbers(options.tasks)) {
        const measured = await throughput(log, brokers, system, tasks, numberOption("records", options.records));
        say(`${system.name}, throughput: ${JSON.stringify(measured)}`);
        const id = `${system.name} ${tasks}`;
        const before = best.get(id)?.["recordsPerSecond"] as number | undefined;
        if (before === undefined || measured["recordsPerSecond"]! > before)
          best.set(id, { measurement: "throughput", system: system.name, ...measured });
      }
  for (const line of best.values()) tell(line);
};

const main = async (): Promise<void> => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  const kafka = options.brokers === undefined ? await startKafka({ heapMb: 768 }) : undefined;
  const brokers = options.brokers ?? kafka!.brokers[0]!;
  const log = await kafkaLog({ brokers: brokers.split(",") });
  const chosen = await systems();
  try {
    if ("throughput".includes(options.only)) await measureThroughput(log, brokers, chosen);
    for (const disturbance of disturbances.filter(({ name }) => name.includes(options.only)))
      for (const system of chosen)
        for (const standbys of numbers(options.standbys)) {
          say(`${system.name}, ${disturbance.name}, ${standbys} standbys`);
          const measured = await disturb(log, brokers, system, disturbance, standbys, numberOption("keys", options.keys));
          tell({ measurement: disturbance.name, system: system.name, ...measured });
        }
  } finally {
    await log.close();
    await kafka?.stop();
  }
};

await main();
