import type { CommittedOffset, FetchPosition, GroupMetadata, Isolation, TopicPartition } from "../../../core/ports/log.ts";
import { brokerError } from "../error_codes.ts";
import { api, type WireRequest } from "../request.ts";
import { WireWriter } from "../wire_writer.ts";
import { byTopic } from "./by_topic.ts";

export interface PartitionResult extends TopicPartition {
  readonly error: number;
}

/** Asks for the first offset at or after a timestamp, -1 when there is none; the two special timestamps ask for the ends. */
export const listOffsets = (
  partitions: readonly TopicPartition[],
  timestamp: number,
  isolation: Isolation,
): WireRequest<(PartitionResult & { readonly offset: number })[]> => {
  const writer = new WireWriter().int32(-1).int8(isolation === "read-committed" ? 1 : 0);
  writer.array(byTopic(partitions), ([topic, ofTopic]) =>
    writer.string(topic).array(ofTopic, ({ partition }) => writer.int32(partition).int32(-1).int64(timestamp)),
  );
  return {
    api: api.listOffsets,
    flexible: false,
    body: [writer.bytes],
    read: (answer, throttle) => {
      throttle(answer.int32());
      return answer
        .array(() => {
          const topic = answer.string();
          return answer.array(() => {
            const head = { topic, partition: answer.int32(), error: answer.int16() };
            answer.int64(); // the timestamp found
            const offset = answer.int64();
            answer.int32(); // leader epoch
            return { ...head, offset };
          });
        })
        .flat();
    },
  };
};

export const listOffsetsAt = { earliest: -2, latest: -1 } as const;

/** What a group has committed. With `requireStable` a partition whose offset is part of an open transaction answers UNSTABLE_OFFSET_COMMIT. */
export const offsetFetch = (
  groupId: string,
  partitions: readonly TopicPartition[],
  requireStable: boolean,
): WireRequest<(PartitionResult & CommittedOffset)[]> => {
  const writer = new WireWriter(true).string(groupId);
  writer.array(byTopic(partitions), ([topic, ofTopic]) =>
    writer
      .string(topic)
      .array(ofTopic, ({ partition }) => writer.int32(partition))
      .end(),
  );
  writer.boolean(requireStable).end();
  return {
    api: api.offsetFetch,
    flexible: true,
    body: [writer.bytes],
    read: (answer, throttle) => {
      throttle(answer.int32());
      const results = answer
        .array(() => {
          const topic = answer.string();
          const ofTopic = answer.array(() => {
            const partition = answer.int32();
            const offset = answer.int64();
            answer.int32(); // leader epoch
            const result = { topic, partition, offset, metadata: answer.string(), error: answer.int16() };
            answer.end();
            return result;
          });
          answer.end();
          return ofTopic;
        })
        .flat();
      const error = answer.int16();
      if (error !== 0) throw brokerError(error, `Cannot read the offsets of group '${groupId}'`, null, { group: groupId });
      return results;
    },
  };
};

/** Commits offsets outside of a transaction; without a group nobody may be a member of it. */
export const offsetCommit = (
  groupId: string,
  offsets: readonly CommittedOffset[],
  group: GroupMetadata | undefined,
): WireRequest<PartitionResult[]> => {
  const writer = new WireWriter().string(groupId);
  writer
    .int32(group?.generationId ?? -1)
    .string(group?.memberId ?? "")
    .string(group?.groupInstanceId ?? null);
  writer.array(byTopic(offsets), ([topic, ofTopic]) =>
    writer
      .string(topic)
      .array(ofTopic, ({ partition, offset, metadata }) => writer.int32(partition).int64(offset).int32(-1).string(metadata)),
  );
  return { api: api.offsetCommit, flexible: false, body: [writer.bytes], read: readPartitionResults };
};

/** Moves the start of partitions that one broker leads. */
export const deleteRecords = (offsets: readonly FetchPosition[], brokerTimeoutMs: number): WireRequest<PartitionResult[]> => {
  const writer = new WireWriter();
  writer.array(byTopic(offsets), ([topic, ofTopic]) =>
    writer.string(topic).array(ofTopic, ({ partition, offset }) => writer.int32(partition).int64(offset)),
  );
  writer.int32(brokerTimeoutMs);
  return {
    api: api.deleteRecords,
    flexible: false,
    body: [writer.bytes],
    extraTimeoutMs: brokerTimeoutMs,
    read: (answer, throttle) => {
      throttle(answer.int32());
      return answer
        .array(() => {
          const topic = answer.string();
          return answer.array(() => {
            const partition = answer.int32();
            answer.int64(); // the new start
            return { topic, partition, error: answer.int16() };
          });
        })
        .flat();
    },
  };
};

const readPartitionResults: WireRequest<PartitionResult[]>["read"] = (answer, throttle) => {
  throttle(answer.int32());
  return answer
    .array(() => {
      const topic = answer.string();
      return answer.array(() => ({ topic, partition: answer.int32(), error: answer.int16() }));
    })
    .flat();
};
