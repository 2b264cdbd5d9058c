import { LogError } from "../../../core/ports/log.ts";
import { BrokerConnection } from "../../../node/kafka/broker_connection.ts";
import { checkKafkaOptions } from "../../../node/kafka/kafka_options.ts";
import type { WireRequest } from "../../../node/kafka/request.ts";
import type { WireReader } from "../../../node/kafka/wire_reader.ts";
import { WireWriter } from "../../../node/kafka/wire_writer.ts";
import { suite } from "./kafka_suite.ts";

/** One right: an operation on a topic, a group, a transactional id (by name or by prefix) or the cluster. */
export interface Right {
  readonly operation: keyof typeof operations;
  readonly on: "topic" | "group" | "transactional-id" | "cluster";
  readonly name: string;
  readonly prefixed?: boolean;
}

const operations = { READ: 3, WRITE: 4, CREATE: 5, DELETE: 6, ALTER: 7, DESCRIBE: 8, DESCRIBE_CONFIGS: 10, IDEMPOTENT_WRITE: 12 } as const;
const resources = { topic: 2, group: 3, cluster: 4, "transactional-id": 5 } as const;

/** Gives the user exactly these rights, and no other; resolves when the broker goes by them. */
export const grant = async (user: string, rights: readonly Right[]): Promise<void> => {
  const { cluster } = checkKafkaOptions({ brokers: suite.brokers });
  const { host, port } = cluster.seeds[0]!;
  const connection = await BrokerConnection.open(host, port, cluster);
  try {
    await connection.send(deleteAcls(user));
    await connection.send(createAcls(user, rights));
    while ((await connection.send(countAcls(user))) !== rights.length) await new Promise((resolve) => setTimeout(resolve, 20));
  } finally {
    connection.destroy(new LogError("CLOSED", "rejected", "The rights are set"));
  }
};

const createAcls = (user: string, rights: readonly Right[]): WireRequest<void> => {
  const writer = new WireWriter();
  writer.array(rights, ({ operation, on, name, prefixed }) =>
    writer
      .int8(resources[on])
      .string(name)
      .int8(prefixed ? 4 : 3)
      .string(`User:${user}`)
      .string("*")
      .int8(operations[operation])
      .int8(allow),
  );
  return { api: { key: 30, name: "CreateAcls", version: 1 }, flexible: false, body: [writer.bytes], read: throwRefusals };
};

const deleteAcls = (user: string): WireRequest<void> => ({
  api: { key: 31, name: "DeleteAcls", version: 1 },
  flexible: false,
  body: [new WireWriter().arrayLength(1).int8(any).string(null).int8(any).string(`User:${user}`).string(null).int8(any).int8(any).bytes],
  read: () => {},
});

const countAcls = (user: string): WireRequest<number> => ({
  api: { key: 29, name: "DescribeAcls", version: 1 },
  flexible: false,
  body: [new WireWriter().int8(any).string(null).int8(any).string(`User:${user}`).string(null).int8(any).int8(any).bytes],
  read: (answer) => {
    answer.int32(); // throttle time
    const error = answer.int16();
    if (error !== 0) throw new Error(`The broker does not tell its rights: error ${error}`);
    answer.nullableString();
    const perResource = answer.array(() => {
      answer.int8(); // kind, name and pattern of the resource
      answer.string();
      answer.int8();
      return answer.array(() => {
        answer.string(); // user and host
        answer.string();
        return [answer.int8(), answer.int8()];
      }).length;
    });
    return perResource.reduce((sum, rights) => sum + rights, 0);
  },
});

const throwRefusals = (answer: WireReader): void => {
  answer.int32(); // throttle time
  for (const [error, message] of answer.array(() => [answer.int16(), answer.nullableString()] as const))
    if (error !== 0) throw new Error(`The broker does not take a right: error ${error}, ${message}`);
};

const any = 1;
const allow = 3;
