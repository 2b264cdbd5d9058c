import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { partitionForKey } from "../core/partitioner.ts";
import { type Fetched, type GroupMetadata, type Log, noHeaders, type Outbox, type Producer, partitionId } from "../core/ports/log.ts";
import { kafkaLog } from "../node/kafka/kafka_log.ts";
import { startKafka } from "../node/local/kafka_broker.ts";

/**
 * How fast the Kafka driver is by itself: reading, writing, and the transactional copy of a topic with offsets fenced by the group's generation.
 *
 *   node bench/kafka_transport.ts [records=1000000] [size=100] [partitions=4] [commit=100] [runs=1] [protocol=2] [brokers=host:port]
 *
 * Each measurement is a process of its own and prints one JSON line; without `brokers` a local broker is started. The clock and the CPU count from the first record on.
 */
const options = new Map(process.argv.slice(2).map((argument) => argument.split(/=(.*)/s).slice(0, 2) as [string, string]));
const number = (name: string, otherwise: number): number => Number(options.get(name) ?? otherwise);
const records = number("records", 1_000_000);
const size = number("size", 100);
const partitions = number("partitions", 4);
const commitEveryMs = number("commit", 100);
const protocol = number("protocol", 2) === 1 ? 1 : 2;
const mode = options.get("mode");

/** So many records are handled before sockets and timers have their turn. */
const stretch = 2_000;
const sendBytes = 2 << 20;
const yieldNow = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const main = async (): Promise<void> => {
  if (mode === undefined) return measureAll();
  const log = await kafkaLog({ brokers: [options.get("brokers")!], transactionProtocol: protocol });
  const done = await measurements[mode as keyof typeof measurements](log);
  console.log(JSON.stringify({ bench: "kafka_transport", mode, node: process.version, size, partitions, ...done }));
  await log.close();
};

const measureAll = async (): Promise<void> => {
  const kafka = options.has("brokers") ? undefined : await startKafka({ heapMb: 768 });
  try {
    const brokers = options.get("brokers") ?? kafka!.brokers[0]!;
    const log = await kafkaLog({ brokers: [brokers] });
    await fill(log);
    for (let run = 0; run < number("runs", 1); run++) {
      for (const one of Object.keys(measurements)) {
        for (const topic of [written, copied]) await log.admin.delete([topic]);
        await log.admin.create([written, copied].map((topic) => ({ topic, partitions, replication: -1, config: {} })));
        const own = [
          `mode=${one}`,
          `brokers=${brokers}`,
          ...process.argv.slice(2).filter((argument) => !/^(mode|brokers)=/.test(argument)),
        ];
        const { stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), ...own], { encoding: "utf8" });
        process.stdout.write(stdout || stderr);
      }
    }
    await log.close();
  } finally {
    await kafka?.stop();
  }
};

const source = `bench-source-${size}-${partitions}-${records}`;
const written = "bench-written";
const copied = "bench-copied";

const prepared = (): { readonly keys: readonly Uint8Array[]; readonly values: readonly Uint8Array[] } => {
  const encoder = new TextEncoder();
  const values = Array.from({ length: 10_000 }, (_, i) =>
    encoder.encode(
      `{"id":${i},"user":"k${i}","amount":${(i % 1000) / 4},"ts":${1_760_000_000_000 + i},"pad":"`.padEnd(
        size - 2,
        "qwertyuiopasdfghjklzxcvbnm",
      ) + '"}',
    ),
  );
  return { keys: Array.from({ length: 10_000 }, (_, i) => encoder.encode(`k${i}`)), values };
};

const fill = async (log: Log): Promise<void> => {
  await log.admin.create([{ topic: source, partitions, replication: -1, config: {} }]);
  const ends = await log.admin.offsets(all(source), "latest", "read-committed");
  if ([...ends.values()].reduce((sum, end) => sum + end, 0) >= records) return;
  await write(log, source);
};

const all = (topic: string): { topic: string; partition: number }[] =>
  Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));

/** Sends an outbox while the next one is being filled. */
class Sender {
  readonly #log: Log;
  readonly #producer: Producer;
  #sending: Promise<unknown> = Promise.resolve();
  outbox: Outbox;

  constructor(log: Log, producer: Producer) {
    this.#log = log;
    this.#producer = producer;
    this.outbox = log.outbox();
  }

  async sendIfFull(): Promise<void> {
    if (this.outbox.bytes >= sendBytes) await this.send();
  }

  async send(): Promise<void> {
    await this.#sending;
    this.#sending = this.#producer.send(this.outbox);
    this.outbox = this.#log.outbox();
  }

  async flush(): Promise<void> {
    await this.send();
    await this.#sending;
  }
}

const write = async (log: Log, topic: string): Promise<void> => {
  const { keys, values } = prepared();
  const producer = await log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 });
  const sender = new Sender(log, producer);
  for (let i = 0; i < records; ) {
    const now = Date.now();
    for (const end = Math.min(records, i + stretch); i < end; i++) {
      const key = keys[i % 10_000]!;
      sender.outbox.append(topic, partitionForKey(key, partitions), key, values[i % 10_000]!, now, noHeaders);
    }
    await sender.sendIfFull();
    await yieldNow();
  }
  await sender.flush();
  await producer.close();
};

interface Started {
  readonly at: number;
  readonly cpu: NodeJS.CpuUsage;
}

const start = (): Started => ({ at: performance.now(), cpu: process.cpuUsage() });

const result = ({ at, cpu }: Started, extra: object = {}): object => {
  const seconds = (performance.now() - at) / 1_000;
  const used = process.cpuUsage(cpu);
  return {
    records,
    recordsPerSecond: Math.round(records / seconds),
    cpuSecondsPerMillion: Number(((used.user + used.system) / records).toFixed(3)),
    peakRssMb: Math.round(process.resourceUsage().maxRSS / 1024),
    ...extra,
  };
};

const percentile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((one, other) => one - other);
  return Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1));
};

/** Polls for all partitions of the source, always with the next poll under way while one is handled. */
const follow = async (log: Log, handle: (fetched: Fetched) => Promise<void>): Promise<void> => {
  const fetcher = log.fetcher({ isolation: "read-committed" });
  const ends = await log.admin.offsets(all(source), "latest", "read-committed");
  const positions = new Map(all(source).map((one) => [partitionId(one.topic, one.partition), { ...one, offset: 0 }]));
  const open = () => [...positions.values()].filter(({ topic, partition, offset }) => offset < ends.get(partitionId(topic, partition))!);
  let polling = fetcher.poll(open(), 500);
  for (let more = true; more; ) {
    const fetched = await polling;
    for (const { topic, partition, nextOffset } of fetched)
      positions.set(partitionId(topic, partition), { topic, partition, offset: nextOffset });
    more = open().length > 0;
    if (more) polling = fetcher.poll(open(), 500);
    for (const part of fetched) await handle(part);
  }
  await fetcher.close();
};

const joined = (log: Log): Promise<{ readonly group: GroupMetadata; leave(): Promise<void> }> =>
  new Promise((resolve, reject) => {
    const member = log.join({
      groupId: `bench-${process.pid}`,
      protocols: ["bench"],
      topics: [source],
      sessionTimeoutMs: 45_000,
      rebalanceTimeoutMs: 60_000,
      heartbeatMs: 3_000,
      subscription: () => new Uint8Array(0),
      assign: (members) => new Map(members.map(({ memberId }) => [memberId, { partitions: all(source), userData: new Uint8Array(0) }])),
      onRebalance: async () => {},
      onAssigned: async (_assignment, group) => resolve({ group, leave: () => member.leave() }),
      onError: reject,
    });
  });

const measurements = {
  read: async (log: Log): Promise<object> => {
    let started: Started | undefined;
    let bytes = 0;
    await follow(log, async ({ records }) => {
      started ??= start();
      while (records.next()) bytes += records.key()!.length + records.value()!.length;
    });
    return result(started!, { bytes });
  },

  write: async (log: Log): Promise<object> => {
    const started = start();
    await write(log, written);
    return result(started);
  },

  copy: async (log: Log): Promise<object> => {
    const { group, leave } = await joined(log);
    const producer = await log.producer({ transactionalId: `bench-${process.pid}`, transactionTimeoutMs: 60_000 });
    const sender = new Sender(log, producer);
    const done = new Map<string, { topic: string; partition: number; offset: number; metadata: string }>();
    const commits: number[] = [];
    let committedAt = 0;
    const commit = async (): Promise<void> => {
      const began = performance.now();
      const offsets = producer.sendOffsets(group, [...done.values()]);
      await sender.flush();
      await offsets;
      await producer.commit();
      committedAt = performance.now();
      commits.push(committedAt - began);
    };
    let started: Started | undefined;
    await follow(log, async ({ topic, partition, records, nextOffset }) => {
      if (started === undefined) {
        started = start();
        committedAt = started.at;
      }
      for (let more = true; more; ) {
        for (let i = 0; i < stretch && (more = records.next()); i++) {
          const key = records.key()!;
          sender.outbox.append(copied, partitionForKey(key, partitions), key, records.value(), records.timestamp, noHeaders);
        }
        done.set(partitionId(topic, partition), { topic, partition, offset: more ? records.offset + 1 : nextOffset, metadata: "" });
        await sender.sendIfFull();
        if (performance.now() - committedAt > commitEveryMs) await commit();
        await yieldNow();
      }
    });
    await commit();
    const measured = result(started!, {
      commits: commits.length,
      commitMsP50: percentile(commits, 0.5),
      commitMsP99: percentile(commits, 0.99),
    });
    await producer.close();
    await leave();
    return measured;
  },
};

await main();
