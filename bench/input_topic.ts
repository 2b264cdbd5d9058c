import { partitionForKey } from "../core/partitioner.ts";
import { type Log, noHeaders, type TopicPartition } from "../core/ports/log.ts";

/** Of the topics that are read and written. */
export const partitions = 4;
const recordsPerSend = 20_000;
const keyCount = 10_000;

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

/**
 * Writes so many records to a topic: 10,000 keys in no order, the same in every run. What `serialize` makes of a payment is made once for each key, since writing the input is not what is measured.
 */
export const writeInput = async (log: Log, topic: string, records: number, serialize: (payment: Payment) => Uint8Array): Promise<void> => {
  const encoder = new TextEncoder();
  const prepared = Array.from({ length: keyCount }, (_, i) => {
    const key = encoder.encode(`user-${i}`);
    return { key, value: serialize(payment(i)), partition: partitionForKey(key, partitions) };
  });
  const producer = await log.producer({ transactionalId: null, transactionTimeoutMs: 60_000 });
  let seed = 42;
  for (let sent = 0; sent < records; ) {
    const outbox = log.outbox();
    const now = Date.now();
    for (const end = Math.min(records, sent + recordsPerSend); sent < end; sent++) {
      // A linear congruential generator; its high bits are the random ones.
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      const { key, value, partition } = prepared[Math.floor((seed / 2 ** 32) * keyCount)]!;
      outbox.append(topic, partition, key, value, now, noHeaders);
    }
    await producer.send(outbox);
  }
  await producer.close();
};
