import { javaTool as toolOf } from "../../support/java_tool.ts";
import { suite } from "./kafka_suite.ts";

/** Runs one of the programs that come with Kafka against the tests' own broker, and gives what it wrote to standard output. */
export const javaTool = (program: string, args: readonly string[], input = ""): Promise<string> => toolOf(suite.jars, program, args, input);

/** What the Java consumer sees of a topic: one line per record, with all that it can print. */
export const javaConsume = async (topic: string, records: number): Promise<string[]> => {
  const shown = ["partition", "offset", "timestamp", "headers", "key", "value"].flatMap((what) => ["--property", `print.${what}=true`]);
  const output = await javaTool("org.apache.kafka.tools.consumer.ConsoleConsumer", [
    ...["--bootstrap-server", suite.brokers[0]!, "--topic", topic, "--from-beginning", "--isolation-level", "read_committed"],
    ...["--max-messages", String(records), "--timeout-ms", "20000", ...shown],
  ]);
  return output.split("\n").filter((line) => line !== "");
};
