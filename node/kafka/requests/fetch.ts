import type { FetchPosition, Isolation, TopicPartition } from "../../../core/ports/log.ts";
import type { AbortedTransaction } from "../batch_cursor.ts";
import { brokerError } from "../error_codes.ts";
import { api, type WireRequest } from "../request.ts";
import { WireWriter } from "../wire_writer.ts";
import { byTopic } from "./by_topic.ts";

export interface FetchResult extends TopicPartition {
  readonly error: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  readonly records: Buffer;
}

export interface FetchLimits {
  readonly maxWaitMs: number;
  readonly totalBytes: number;
  readonly partitionBytes: number;
}

/** Reads partitions that one broker leads; the broker waits for the first byte. Without a fetch session: the request names every partition. */
export const fetch = (positions: readonly FetchPosition[], isolation: Isolation, limits: FetchLimits): WireRequest<FetchResult[]> => {
  const writer = new WireWriter(false, 64 + positions.length * 48);
  writer.int32(-1).int32(limits.maxWaitMs).int32(1).int32(limits.totalBytes);
  writer.int8(isolation === "read-committed" ? 1 : 0);
  writer.int32(0).int32(-1); // no session
  writer.array(byTopic(positions), ([topic, ofTopic]) => {
    writer.string(topic).array(ofTopic, ({ partition, offset, bytesMax = limits.partitionBytes }) => {
      writer.int32(partition).int32(-1).int64(offset).int64(-1).int32(Math.min(bytesMax, limits.partitionBytes));
    });
  });
  writer.arrayLength(0).string("");
  return {
    api: api.fetch,
    flexible: false,
    body: [writer.bytes],
    extraTimeoutMs: limits.maxWaitMs,
    read: (answer, throttle) => {
      throttle(answer.int32());
      const error = answer.int16();
      if (error !== 0) throw brokerError(error, "Cannot fetch");
      answer.int32(); // session
      return answer
        .array(() => {
          const topic = answer.string();
          return answer.array(() => {
            const partition = answer.int32();
            const error = answer.int16();
            const highWatermark = answer.int64();
            const lastStableOffset = answer.int64();
            const logStartOffset = answer.int64();
            const aborted = answer.array(() => ({ producerId: answer.bigInt64(), firstOffset: answer.int64() }));
            answer.int32(); // the replica that the broker would prefer
            const records = answer.byteArray() ?? noRecords;
            return { topic, partition, error, highWatermark, lastStableOffset, logStartOffset, aborted, records };
          });
        })
        .flat();
    },
  };
};

const noRecords = Buffer.alloc(0);
