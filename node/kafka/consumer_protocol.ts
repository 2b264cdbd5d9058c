import { LogError, type MemberAssignment, type TopicPartition } from "../../core/ports/log.ts";
import { byTopic } from "./requests/by_topic.ts";
import { WireReader } from "./wire_reader.ts";
import { WireWriter } from "./wire_writer.ts";

/**
 * What members of a group tell each other through the broker, in the form of Kafka's consumers (ConsumerProtocolSubscription and ConsumerProtocolAssignment), so
 * that Kafka's tools show who has which partition.
 */
export const encodeSubscription = (topics: readonly string[], userData: Uint8Array, joins: number): Uint8Array => {
  if (userData.length > userDataBytesMax) {
    const message = `Cannot tell the group ${userData.length} bytes of user data: at most ${userDataBytesMax} are allowed`;
    throw new LogError("INVALID_CONFIG", "rejected", message);
  }
  const writer = new WireWriter().int16(2);
  writer.array(topics, (topic) => writer.string(topic));
  // No owned partitions. The generation of version 2 only matters to cooperative assignors; here it counts the joins, because a broker begins no
  // rebalance for a member that joins again with the same bytes.
  return writer.byteArray(userData).arrayLength(0).int32(joins).bytes;
};

/** The user data of another member; nothing when it is not in this form, or longer than a member may say. */
export const subscribedUserData = (subscription: Buffer): Uint8Array => {
  try {
    const reader = new WireReader(subscription);
    reader.int16(); // version
    reader.array(() => reader.string());
    const userData = reader.byteArray();
    return userData !== null && userData.length > userDataBytesMax ? new Uint8Array(0) : plain(userData);
  } catch (thrown) {
    if (thrown instanceof RangeError) return new Uint8Array(0);
    throw thrown;
  }
};

export const encodeAssignment = ({ partitions, userData }: MemberAssignment): Uint8Array => {
  const writer = new WireWriter().int16(1);
  writer.array(byTopic(partitions), ([topic, ofTopic]) => writer.string(topic).array(ofTopic, ({ partition }) => writer.int32(partition)));
  return writer.byteArray(userData).bytes;
};

/** An empty assignment is no bytes at all. Throws LogError INCONSISTENT_GROUP_PROTOCOL when the leader wrote something else. */
export const decodeAssignment = (assignment: Buffer): MemberAssignment => {
  if (assignment.length === 0) return { partitions: [], userData: new Uint8Array(0) };
  try {
    const reader = new WireReader(assignment);
    reader.int16(); // version
    const partitions: TopicPartition[] = reader
      .array(() => {
        const topic = reader.string();
        return reader.array(() => ({ topic, partition: reader.int32() }));
      })
      .flat();
    return { partitions, userData: plain(reader.byteArray()) };
  } catch (cause) {
    const message =
      "Cannot read the assignment that the group's leader wrote: stop the members of other programs, or choose another group id";
    throw new LogError("INCONSISTENT_GROUP_PROTOCOL", "configuration", message, { cause });
  }
};

const userDataBytesMax = 64 * 1024;

const plain = (bytes: Buffer | null): Uint8Array => (bytes === null ? new Uint8Array(0) : Uint8Array.from(bytes));
