// A fast input before a slow sink, for as long as one likes: what is buffered has to stay below its bounds, and nothing may be lost or doubled.
import type { App } from "../../mod.ts";
import { startKafka } from "../../node/local/kafka_broker.ts";
import { run } from "../../node/mod.ts";
import { numberOption, toolOptions } from "../support/tool_options.ts";
import { Received } from "./received.ts";
import { parcel, slowJob } from "./slow_job.ts";

const help = `
npm run soak -- [options]

One instance with a fast input, state, a slow asynchronous step and a slow sink, embedded or on Kafka. Exit code 1 when a buffer is larger than its bound, or something is lost or doubled.

  --minutes M          how long there is input (3)
  --bound MIB          what may be buffered, in all buffers together (16)
  --answer-ms N        how long an answer to the asynchronous step takes (20)
  --write-ms N         how long the sink takes for a batch (1000)
  --brokers HOST:PORT  the Kafka to run on; embedded without it
  --kafka              on a Kafka that is started here
`;

const { values } = toolOptions(help, {
  options: {
    minutes: { type: "string", default: "3" },
    bound: { type: "string", default: "16" },
    "answer-ms": { type: "string", default: "20" },
    "write-ms": { type: "string", default: "1000" },
    brokers: { type: "string" },
    kafka: { type: "boolean", default: false },
  },
});
const minutes = numberOption("minutes", values.minutes, { least: 0.01, whole: false });
const boundBytes = numberOption("bound", values.bound) * 1024 * 1024;
const answerMs = numberOption("answer-ms", values["answer-ms"], { least: 0 });
const writeMs = numberOption("write-ms", values["write-ms"], { least: 0 });

/** The bound in eighths; half an eighth each is left to restores and to the feed. */
const share = (eighths: number): number => Math.floor((boundBytes * eighths) / 8);
const memory = {
  inputBytes: share(1),
  overlayBytes: share(2),
  cacheBytes: share(1),
  internalBytes: share(2),
  pendingBytes: share(1),
  restoreBytes: share(0.5),
  feedBytes: share(0.5),
};

const sampleMs = 20;
const tellMs = 10_000;
const began = performance.now();
const seconds = (): number => (performance.now() - began) / 1000;
const say = (line: string): void => console.log(`${seconds().toFixed(1).padStart(7)} s  ${line}`);
const mib = (bytes: number): string => (bytes / 1024 / 1024).toFixed(1);

const received = new Received();
let given = 0;

/** The same records each time it is asked, since a feed that begins anew goes on where it has come to. */
const input = async function* (written: number) {
  for (given = written; seconds() < minutes * 60; given++) yield parcel(given);
};

const sums = (app: App, name: string, tag: string): Map<string, number> => {
  const sums = new Map<string, number>();
  for (const { name: one, tags, value } of app.metrics())
    if (one === name) sums.set(tags[tag] ?? "", (sums.get(tags[tag] ?? "") ?? 0) + value);
  return sums;
};
const total = (values: Map<string, number>): number => [...values.values()].reduce((sum, value) => sum + value, 0);

/** Watches an app until it has finished; gives the largest sum of what was buffered and of the heap, and the buffers that were too large. */
const watch = async (app: App) => {
  let [peakBytes, heapBytes, toldAt] = [0, 0, performance.now()];
  const tooLarge = new Map<string, string>();
  const sample = (): void => {
    peakBytes = Math.max(peakBytes, total(sums(app, "buffered_bytes", "buffer")));
    const limits = sums(app, "buffered_bytes_limit", "buffer");
    for (const [buffer, peak] of sums(app, "buffered_bytes_peak", "buffer"))
      if (peak > limits.get(buffer)!) tooLarge.set(buffer, `'${buffer}' held ${peak} bytes of at most ${limits.get(buffer)}`);
    const { heapUsed, rss } = process.memoryUsage();
    heapBytes = Math.max(heapBytes, heapUsed);
    if (performance.now() - toldAt < tellMs) return;
    toldAt = performance.now();
    const paused = [...sums(app, "paused_partitions", "reason")].filter(([, n]) => n > 0).map(([why, n]) => `${n} paused by ${why}`);
    const held = [...sums(app, "buffered_bytes", "buffer")]
      .filter(([, bytes]) => bytes > 0)
      .map(([buffer, bytes]) => `${buffer} ${mib(bytes)}`);
    say(
      `${given} in, ${received.count} out; MiB: ${held.join(", ")}; heap ${mib(heapUsed)}, resident ${mib(rss)}${paused.length > 0 ? `; ${paused.join(", ")}` : ""}`,
    );
  };
  const timer = setInterval(sample, sampleMs);
  await app.finished;
  clearInterval(timer);
  return { peakBytes, heapBytes, tooLarge: [...tooLarge.values()] };
};

const soak = async (brokers: string | undefined): Promise<void> => {
  const onWritten = (numbers: readonly number[]): void => {
    for (const number of numbers) received.add(number);
  };
  const topology = slowJob({ answerMs, writeMs, onWritten });
  const app = await run(topology, {
    ...(brokers === undefined ? {} : { brokers }),
    applicationId: `soak-${Date.now()}`,
    mode: "batch",
    memory,
    feed: input,
  });
  const { peakBytes, heapBytes, tooLarge } = await watch(app);
  const lost = received.missingOf(given);
  for (const sentence of tooLarge) say(sentence);
  if (lost + received.doubled + tooLarge.length > 0) process.exitCode = 1;
  console.log(
    `${given} records in, ${received.count} out, ${lost} lost, ${received.doubled} doubled, peak ${peakBytes} of ${boundBytes} bytes buffered, heap ${mib(heapBytes)} MiB`,
  );
};

// Whatever was started is ended by handlers of "exit".
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
const kafka = values.kafka ? await startKafka({ heapMb: 512 }) : undefined;
try {
  await soak(values.brokers ?? kafka?.brokers[0]);
} finally {
  await kafka?.stop();
}
process.exit();
