import { millis } from "../core/duration.ts";
import { partitionForKey } from "../core/partitioner.ts";
import { type Log, noHeaders, partitionId } from "../core/ports/log.ts";
import { float64 } from "../core/serde/numbers.ts";
import { text } from "../core/serde/text.ts";
import { run } from "../topology/run.ts";
import type { RunOptions } from "../topology/run_options.ts";
import { topic } from "../topology/topic.ts";
import { type Topology, topology } from "../topology/topology.ts";
import type { BenchCase, Measured } from "./bench_case.ts";
import { createTopics, partitions, partitionsOf } from "./input_topic.ts";
import { brokerLog, embeddedLog, fresh } from "./job.ts";
import { percentile } from "./meter.ts";

type Guarantee = NonNullable<RunOptions["guarantee"]>;

const recordsPerSecond = 10_000;
const warmUpMs = 3_000;
const fullMeasuredMs = 10_000;
const tickMs = 2;
const keys = Array.from({ length: 1_000 }, (_, i) => `user-${i}`);

/** A value is the moment at which it was sent; it comes out again with the count of its key. */
const latestPerKey = (input: string, output: string): Topology =>
  topology("latest-per-key", ({ from }) => {
    from(topic(input, { key: text, value: float64 }))
      .keyBy()
      .scan("latest", { init: () => ({ n: 0, sentMs: 0 }), add: ({ n }, sentMs) => ({ n: n + 1, sentMs }), result: ({ sentMs }) => sentMs })
      .to(topic(output, { key: text, value: float64 }));
  });

/** Sends records at a fixed rate until it is told to stop: what a late timer has missed is sent at once, with the time at which it was due. */
const sendSteadily = async (log: Log, to: string): Promise<() => Promise<number>> => {
  const producer = await log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 });
  const encoder = new TextEncoder();
  const prepared = keys.map((key) => encoder.encode(key));
  const startMs = performance.now();
  let sent = 0;
  let sending: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    const due = ((performance.now() - startMs) / 1_000) * recordsPerSecond;
    const outbox = log.outbox();
    for (; sent < due; sent++) {
      const key = prepared[sent % keys.length]!;
      const value = float64.serialize(startMs + (sent / recordsPerSecond) * 1_000, to);
      outbox.append(to, partitionForKey(key, partitions), key, value, Date.now(), noHeaders);
    }
    sending = sending.then(() => producer.send(outbox));
  }, tickMs);
  return async () => {
    clearInterval(timer);
    await sending;
    await producer.close();
    return sent;
  };
};

/** Reads what is committed as soon as it can be seen; gives how long each record was on its way, warm-up left out. */
const readSteadily = (log: Log, from: string): (() => Promise<readonly number[]>) => {
  const fetcher = log.fetcher({ isolation: "read-committed" });
  const positions = new Map(partitionsOf(from).map((one) => [partitionId(one.topic, one.partition), { ...one, offset: 0 }]));
  const startMs = performance.now();
  const latencies: number[] = [];
  let over = false;
  const reading = (async () => {
    while (!over)
      for (const { topic, partition, records, nextOffset } of await fetcher.poll([...positions.values()], 100)) {
        const nowMs = performance.now();
        positions.set(partitionId(topic, partition), { topic, partition, offset: nextOffset });
        while (records.next()) {
          const { buffer, byteOffset } = records.value()!;
          const sentMs = new DataView(buffer, byteOffset).getFloat64(0);
          if (sentMs - startMs > warmUpMs) latencies.push(nowMs - sentMs);
        }
      }
  })();
  return async () => {
    over = true;
    fetcher.wake();
    await reading;
    await fetcher.close();
    return latencies;
  };
};

const measure = async (log: Log, guarantee: Guarantee, commitIntervalMs: number, measuredMs: number): Promise<Measured> => {
  const [input, output] = [fresh("sent"), fresh("received")];
  await createTopics(log, [input, output]);
  const app = await run(latestPerKey(input, output), {
    log,
    applicationId: fresh("latency"),
    guarantee,
    commit: { interval: millis(commitIntervalMs) },
  });
  await new Promise<void>((resolve) => app.on("assigned", () => resolve()));
  const received = readSteadily(log, output);
  const stop = await sendSteadily(log, input);
  await new Promise((resolve) => setTimeout(resolve, warmUpMs + measuredMs));
  await stop();
  // What was sent last has a few commits' time to come out.
  await new Promise((resolve) => setTimeout(resolve, 500 + 3 * commitIntervalMs));
  const latencies = await received();
  await app.close();
  await log.close();
  return {
    n: latencies.length,
    recordsPerSecond,
    p50: percentile(latencies, 0.5),
    p95: percentile(latencies, 0.95),
    p99: percentile(latencies, 0.99),
  };
};

const latencyCase = (where: "embedded" | "Kafka", guarantee: Guarantee, commitIntervalMs: number): BenchCase => ({
  name: `latency, ${where}, ${guarantee}, commit every ${commitIntervalMs} ms`,
  needsKafka: where === "Kafka",
  about: { guarantee, commitIntervalMs },
  run: async (setting) =>
    measure(where === "Kafka" ? await brokerLog(setting) : embeddedLog(), guarantee, commitIntervalMs, setting.share(fullMeasuredMs)),
});

export const cases: readonly BenchCase[] = [
  latencyCase("embedded", "exactly-once", 10),
  latencyCase("embedded", "exactly-once", 100),
  latencyCase("embedded", "at-least-once", 100),
  latencyCase("Kafka", "exactly-once", 20),
  latencyCase("Kafka", "exactly-once", 100),
  latencyCase("Kafka", "at-least-once", 20),
  latencyCase("Kafka", "at-least-once", 100),
];
