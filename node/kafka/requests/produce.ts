import type { TopicPartition } from "../../../core/ports/log.ts";
import { api, type WireRequest } from "../request.ts";
import { WireWriter } from "../wire_writer.ts";
import { byTopic } from "./by_topic.ts";

export interface ProducePart extends TopicPartition {
  /** The stamped batch. Not copied: it must not change until the answer is there. */
  readonly batch: Uint8Array;
}

export interface ProduceResult extends TopicPartition {
  readonly error: number;
  readonly baseOffset: number;
  /** What the broker says about the error, and of which records. */
  readonly detail: string | null;
}

/** From this version on a produce adds its partitions to the transaction by itself (KIP-890). */
export const produceVersion2 = 12;

/** Writes one batch each to partitions that one broker leads, and waits for all replicas that are in sync. */
export const produce = (
  transactionalId: string | null,
  parts: readonly ProducePart[],
  brokerTimeoutMs: number,
  version: number,
): WireRequest<ProduceResult[]> => {
  const flexible = version >= 9;
  const body: Uint8Array[] = [];
  let writer = new WireWriter(flexible).string(transactionalId).int16(-1).int32(brokerTimeoutMs);
  const topics = byTopic(parts);
  writer.arrayLength(topics.length);
  for (const [topic, ofTopic] of topics) {
    writer.string(topic).arrayLength(ofTopic.length);
    for (const { partition, batch } of ofTopic) {
      writer.int32(partition).byteArrayLength(batch);
      body.push(writer.bytes, batch);
      writer = new WireWriter(flexible, 64).end();
    }
    writer.end();
  }
  body.push(writer.end().bytes);
  return {
    api: api.produce,
    version,
    flexible,
    body,
    // The broker gives up first: its answer says more than none.
    extraTimeoutMs: 5_000,
    read: (answer, throttle) => {
      const results = answer.array(() => {
        const topic = answer.string();
        const ofTopic = answer.array(() => {
          const result = { topic, partition: answer.int32(), error: answer.int16(), baseOffset: answer.int64() };
          answer.int64(); // the time of appending
          answer.int64(); // the start of the log
          const records = answer.array(() => {
            const record = `record ${answer.int32()} of the batch: ${answer.nullableString() ?? "no reason given"}`;
            answer.end();
            return record;
          });
          const message = answer.nullableString();
          answer.end();
          return { ...result, detail: [message, ...records.slice(0, 3)].filter((text) => text !== null).join("; ") || null };
        });
        answer.end();
        return ofTopic;
      });
      throttle(answer.int32());
      return results.flat();
    },
  };
};
