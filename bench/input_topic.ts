import { partitionForKey } from "../core/partitioner.ts";
import { type Log, noHeaders, type Outbox, type TopicPartition } from "../core/ports/log.ts";

/** Of the topics that are read and written. */
export const partitions = 4;
const recordsPerSend = 20_000;
export const keyCount = 10_000;

/** What the input consists of: a payment of about a hundred bytes, whichever way it is written. */
export interface Payment {
  readonly id: number;
  readonly user: string;
  readonly amount: number;
  readonly timestamp: number;
  readonly note: string;
}

const payment = (i: number): Payment => ({
  id: i,
  user: `user-${i}`,
  amount: (i % 1_000) / 4,
  timestamp: 1_760_000_000_000 + i,
  note: "qwertyuiop",
});

/** Creates empty topics. */
export const createTopics = (log: Log, topics: readonly string[]): Promise<void> =>
  log.admin.create(topics.map((topic) => ({ topic, partitions, replication: -1, config: {} })));

export const partitionsOf = (topic: string): readonly TopicPartition[] =>
  Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));

/** Records with a key of their own each, prepared: what is written is not what is measured. */
export interface Prepared {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly partition: number;
}

/** Of each key what `serialize` makes of its payment. */
export const prepared = (serialize: (payment: Payment) => Uint8Array): readonly Prepared[] => {
  const encoder = new TextEncoder();
  return Array.from({ length: keyCount }, (_, i) => {
    const key = encoder.encode(`user-${i}`);
    return { key, value: serialize(payment(i)), partition: partitionForKey(key, partitions) };
  });
};

/** Sends so many records, a stretch at a time; `append` puts the i-th into the outbox. */
export const writeRecords = async (log: Log, records: number, append: (outbox: Outbox, i: number) => void): Promise<void> => {
  const producer = await log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 });
  for (let sent = 0; sent < records; ) {
    const outbox = log.outbox();
    for (const end = Math.min(records, sent + recordsPerSend); sent < end; sent++) append(outbox, sent);
    await producer.send(outbox);
  }
  await producer.close();
};

/** Writes so many records to a topic: 10,000 keys in no order, the same in every run. */
export const writeInput = async (log: Log, topic: string, records: number, serialize: (payment: Payment) => Uint8Array): Promise<void> => {
  const all = prepared(serialize);
  let seed = 42;
  await writeRecords(log, records, (outbox) => {
    // A linear congruential generator; its high bits are the random ones.
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    const { key, value, partition } = all[Math.floor((seed / 2 ** 32) * keyCount)]!;
    outbox.append(topic, partition, key, value, Date.now(), noHeaders);
  });
};
