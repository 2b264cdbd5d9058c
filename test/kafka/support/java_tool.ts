import { spawn } from "node:child_process";
import { join } from "node:path";
import { suite } from "./kafka_suite.ts";

/** Runs one of the programs that come with Kafka, with the Java client inside, and gives what it wrote to standard output. */
export const javaTool = (program: string, args: readonly string[], input = ""): Promise<string> =>
  new Promise((resolve, reject) => {
    const quick = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"];
    const java = spawn("java", ["-Xmx128m", ...quick, "-cp", join(suite.jars, "*"), program, ...args]);
    let output = "";
    let errors = "";
    java.stdout.on("data", (chunk) => (output += chunk));
    java.stderr.on("data", (chunk) => (errors += chunk));
    java.once("error", reject);
    java.once("close", (code) => (code === 0 ? resolve(output) : reject(new Error(`${program} ended with ${code}: ${errors}${output}`))));
    java.stdin.end(input);
  });

/** What the Java consumer sees of a topic: one line per record, with all that it can print. */
export const javaConsume = async (topic: string, records: number): Promise<string[]> => {
  const shown = ["partition", "offset", "timestamp", "headers", "key", "value"].flatMap((what) => ["--property", `print.${what}=true`]);
  const output = await javaTool("org.apache.kafka.tools.consumer.ConsoleConsumer", [
    ...["--bootstrap-server", suite.brokers[0]!, "--topic", topic, "--from-beginning", "--isolation-level", "read_committed"],
    ...["--max-messages", String(records), "--timeout-ms", "20000", ...shown],
  ]);
  return output.split("\n").filter((line) => line !== "");
};
