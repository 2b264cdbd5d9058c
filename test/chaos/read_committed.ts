import type { LocalKafka } from "../../node/local/kafka_broker.ts";
import { javaTool } from "../support/java_tool.ts";
import type { Line } from "./verdict.ts";

/** Everything committed in a topic, as Kafka's own consumer reads it. When it has seen nothing for `quietMs` there is no more. */
export const readCommitted = async ({ jars, brokers }: LocalKafka, topic: string, quietMs: number): Promise<Line[]> => {
  const shown = ["partition", "offset", "timestamp", "key", "value"].flatMap((what) => ["--property", `print.${what}=true`]);
  const output = await javaTool(jars, "org.apache.kafka.tools.consumer.ConsoleConsumer", [
    ...["--bootstrap-server", brokers.join(","), "--topic", topic, "--from-beginning", "--isolation-level", "read_committed"],
    ...["--timeout-ms", String(quietMs), ...shown],
  ]);
  return output
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [, timestamp, partition, offset, key, value] =
        /^CreateTime:(\d+)\tPartition:(\d+)\tOffset:(\d+)\t([^\t]*)\t(.*)$/.exec(line) ?? [];
      if (value === undefined) throw new Error(`Cannot read a line of topic '${topic}': ${line}`);
      return { partition: Number(partition), offset: Number(offset), timestamp: Number(timestamp), key: key!, value };
    });
};
