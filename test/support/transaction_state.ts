import { Cluster } from "../../node/kafka/cluster.ts";
import { checkKafkaOptions } from "../../node/kafka/kafka_options.ts";
import type { WireRequest } from "../../node/kafka/request.ts";
import { WireWriter } from "../../node/kafka/wire_writer.ts";

/** What the broker says of a transactional id: "Ongoing" while a transaction is open. DescribeTransactions, KIP-664; a cluster of one broker is asked. */
const describeTransactions = (transactionalIds: readonly string[]): WireRequest<ReadonlyMap<string, string>> => {
  const writer = new WireWriter(true);
  writer.array(transactionalIds, (id) => writer.string(id)).end();
  return {
    api: { key: 65, name: "DescribeTransactions", version: 0 },
    flexible: true,
    body: [writer.bytes],
    read: (answer, throttle) => {
      throttle(answer.int32());
      return new Map(
        answer.array(() => {
          answer.int16();
          const id = answer.string();
          const state = answer.string();
          answer.int32();
          answer.bigInt64();
          answer.bigInt64();
          answer.int16();
          answer.array(() => {
            answer.string();
            answer.array(() => answer.int32());
            answer.end();
          });
          answer.end();
          return [id, state] as const;
        }),
      );
    },
  };
};

export const transactionStates = async (
  brokers: readonly string[],
  transactionalIds: readonly string[],
): Promise<ReadonlyMap<string, string>> => {
  const cluster = await Cluster.open(checkKafkaOptions({ brokers }).cluster);
  try {
    return await cluster.ask(describeTransactions(transactionalIds));
  } finally {
    cluster.close();
  }
};
