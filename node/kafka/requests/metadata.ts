import { api, type WireRequest } from "../request.ts";
import { WireWriter } from "../wire_writer.ts";

export interface ClusterMetadata {
  readonly brokers: readonly BrokerAddress[];
  readonly controllerId: number;
  readonly topics: readonly TopicMetadata[];
}

export interface BrokerAddress {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

export interface TopicMetadata {
  readonly topic: string;
  /** Kafka's error number; 0 when the topic is well. */
  readonly error: number;
  /** As Kafka's tools write it; empty where the broker is too old to say. */
  readonly topicId: string;
  readonly internal: boolean;
  readonly partitions: readonly PartitionMetadata[];
}

export interface PartitionMetadata {
  readonly partition: number;
  readonly error: number;
  /** -1 when there is none now. */
  readonly leader: number;
}

/** From this version on a broker tells the topics' ids. */
export const metadataWithIds = 10;

/** Asks about these topics, or about all when null. Topics are never created by asking. */
export const metadata = (topics: readonly string[] | null, version: number): WireRequest<ClusterMetadata> => {
  const withIds = version >= metadataWithIds;
  const body = new WireWriter(true);
  if (topics === null) body.nullArray();
  else
    body.array(topics, (topic) => {
      if (withIds) body.int64(0).int64(0);
      body.string(topic).end();
    });
  body.boolean(false).boolean(false).boolean(false).end();
  return {
    api: api.metadata,
    version,
    flexible: true,
    body: [body.bytes],
    read: (answer, throttle) => {
      throttle(answer.int32());
      const brokers = answer.array(() => {
        const broker = { nodeId: answer.int32(), host: answer.string(), port: answer.int32() };
        answer.nullableString(); // rack
        answer.end();
        return broker;
      });
      answer.nullableString(); // cluster id
      const controllerId = answer.int32();
      const topics = answer.array(() => {
        const error = answer.int16();
        const topic = answer.string();
        const topicId = withIds ? readableId(answer.raw(16)) : "";
        const internal = answer.boolean();
        const partitions = answer.array(() => {
          const partition = { error: answer.int16(), partition: answer.int32(), leader: answer.int32() };
          answer.int32(); // leader epoch
          for (let list = 0; list < 3; list++) answer.array(() => answer.int32()); // replicas, those in sync, those offline
          answer.end();
          return partition;
        });
        answer.int32(); // authorized operations
        answer.end();
        return { topic, error, topicId, internal, partitions };
      });
      return { brokers, controllerId, topics };
    },
  };
};

const readableId = (id: Buffer): string => (id.every((byte) => byte === 0) ? "" : id.toString("base64url"));
