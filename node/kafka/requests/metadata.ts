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
  /** What the user may do with the topic, one bit for each of Kafka's operations; undefined where it was not asked for or is not known. */
  readonly operations: number | undefined;
}

export interface PartitionMetadata {
  readonly partition: number;
  readonly error: number;
  /** -1 when there is none now. */
  readonly leader: number;
  /** How many there are to be, and how many of them are in sync. */
  readonly replicas: number;
  readonly inSync: number;
}

/** From this version on a broker tells the topics' ids. */
export const metadataWithIds = 10;

/** Asks about these topics, or about all when null, and what the user may do with them. Topics are never created by asking. */
export const metadata = (topics: readonly string[] | null, version: number, withOperations = false): WireRequest<ClusterMetadata> => {
  const withIds = version >= metadataWithIds;
  const body = new WireWriter(true);
  if (topics === null) body.nullArray();
  else
    body.array(topics, (topic) => {
      if (withIds) body.int64(0).int64(0);
      body.string(topic).end();
    });
  body.boolean(false).boolean(false).boolean(withOperations).end();
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
          const head = { error: answer.int16(), partition: answer.int32(), leader: answer.int32() };
          answer.int32(); // leader epoch
          const [replicas, inSync] = [0, 0, 0].map(() => answer.array(() => answer.int32()).length); // the third: those offline
          answer.end();
          return { ...head, replicas: replicas!, inSync: inSync! };
        });
        const operations = answer.int32();
        answer.end();
        return { topic, error, topicId, internal, partitions, operations: operations === notAsked ? undefined : operations };
      });
      return { brokers, controllerId, topics };
    },
  };
};

/** The lowest number there is stands for it. */
const notAsked = -(2 ** 31);

const readableId = (id: Buffer): string => (id.every((byte) => byte === 0) ? "" : id.toString("base64url"));
