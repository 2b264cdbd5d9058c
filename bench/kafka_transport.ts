import { partitionForKey } from "../core/partitioner.ts";
import { type Fetched, type GroupMetadata, type Log, noHeaders, type Outbox, type Producer, partitionId } from "../core/ports/log.ts";
import { json } from "../core/serde/json.ts";
import type { BenchCase, Measured } from "./bench_case.ts";
import { createTopics, type Payment, partitions, partitionsOf, writeInput } from "./input_topic.ts";
import { brokerLog, fresh } from "./job.ts";
import { type Meter, meter, percentile } from "./meter.ts";

/** How fast the Kafka driver is by itself: reading, writing, and the transactional copy of a topic with offsets fenced by the group's generation. */
const records = 1_000_000;
const commitEveryMs = 100;
/** So many records are handled before sockets and timers have their turn. */
const stretch = 2_000;
const sendBytes = 2 << 20;

const payments = json<Payment>();
const yieldNow = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

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

/** Polls for all partitions of a topic, always with the next poll under way while one is handled. */
const follow = async (log: Log, source: string, handle: (fetched: Fetched) => Promise<void>): Promise<void> => {
  const fetcher = log.fetcher({ isolation: "read-committed" });
  const all = partitionsOf(source);
  const ends = await log.admin.offsets(all, "latest", "read-committed");
  const positions = new Map(all.map((one) => [partitionId(one.topic, one.partition), { ...one, offset: 0 }]));
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

const joined = (log: Log, source: string): Promise<{ readonly group: GroupMetadata; leave(): Promise<void> }> =>
  new Promise((resolve, reject) => {
    const member = log.join({
      groupId: fresh("bench"),
      protocols: ["bench"],
      topics: [source],
      sessionTimeoutMs: 45_000,
      rebalanceTimeoutMs: 60_000,
      heartbeatMs: 3_000,
      subscription: () => new Uint8Array(0),
      assign: (members) =>
        new Map(members.map(({ memberId }) => [memberId, { partitions: partitionsOf(source), userData: new Uint8Array(0) }])),
      onRebalance: async () => {},
      onAssigned: async (_assignment, group) => resolve({ group, leave: () => member.leave() }),
      onError: reject,
    });
  });

/** A topic with so many records in it. */
const filled = async (log: Log, count: number): Promise<string> => {
  const source = fresh("payments");
  await createTopics(log, [source]);
  await writeInput(log, source, count, (payment) => payments.serialize(payment, ""));
  return source;
};

const consume = async (log: Log, count: number): Promise<Measured> => {
  const source = await filled(log, count);
  let measuring: Meter | undefined;
  let bytes = 0;
  await follow(log, source, async ({ records }) => {
    measuring ??= meter();
    while (records.next()) bytes += records.key()!.length + records.value()!.length;
  });
  return { ...measuring!.read(count), bytes };
};

const produce = async (log: Log, count: number): Promise<Measured> => {
  const target = fresh("written");
  await createTopics(log, [target]);
  const producer = await log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 });
  const sender = new Sender(log, producer);
  const encoder = new TextEncoder();
  const key = encoder.encode("user-1234");
  const value = encoder.encode("v".repeat(90));
  const measuring = meter();
  for (let sent = 0; sent < count; ) {
    const now = Date.now();
    for (const end = Math.min(count, sent + stretch); sent < end; sent++)
      sender.outbox.append(target, sent % partitions, key, value, now, noHeaders);
    await sender.sendIfFull();
    await yieldNow();
  }
  await sender.flush();
  const measured = measuring.read(count);
  await producer.close();
  return measured;
};

const copy = async (log: Log, count: number): Promise<Measured> => {
  const source = await filled(log, count);
  const target = fresh("copied");
  await createTopics(log, [target]);
  const { group, leave } = await joined(log, source);
  const producer = await log.producer({ transactionalId: fresh("bench"), transactionTimeoutMs: 60_000 });
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
  let measuring: Meter | undefined;
  await follow(log, source, async ({ topic, partition, records, nextOffset }) => {
    if (measuring === undefined) {
      measuring = meter();
      committedAt = performance.now();
    }
    for (let more = true; more; ) {
      for (let i = 0; i < stretch && (more = records.next()); i++) {
        const key = records.key()!;
        sender.outbox.append(target, partitionForKey(key, partitions), key, records.value(), records.timestamp, noHeaders);
      }
      done.set(partitionId(topic, partition), { topic, partition, offset: more ? records.offset + 1 : nextOffset, metadata: "" });
      await sender.sendIfFull();
      if (performance.now() - committedAt > commitEveryMs) await commit();
      await yieldNow();
    }
  });
  await commit();
  const measured = measuring!.read(count);
  await producer.close();
  await leave();
  return { ...measured, commits: commits.length, commitMsP50: percentile(commits, 0.5), commitMsP99: percentile(commits, 0.99) };
};

const transportCase = (name: string, measure: (log: Log, count: number) => Promise<Measured>): BenchCase => ({
  name,
  needsKafka: true,
  run: async (setting) => {
    const log = await brokerLog(setting);
    const measured = await measure(log, setting.share(records));
    await log.close();
    return measured;
  },
});

export const cases: readonly BenchCase[] = [
  transportCase("raw consume, Kafka", consume),
  transportCase("raw produce, Kafka", produce),
  transportCase("transactional copy, Kafka", copy),
];
