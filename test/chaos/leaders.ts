import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Random } from "../../core/ports/random.ts";
import type { LocalKafka } from "../../node/local/kafka_broker.ts";
import { javaTool } from "../support/java_tool.ts";

/** Gives every partition another order of its replicas, and its first one the lead, with the tools that come with Kafka. */
export const moveLeaders = async ({ jars, brokers }: LocalKafka, random: Random): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "millrace-leaders-"));
  const server = ["--bootstrap-server", brokers.join(",")];
  try {
    const described = await javaTool(jars, "org.apache.kafka.tools.TopicCommand", [...server, "--describe"]);
    const partitions = [...described.matchAll(/Topic: (\S+)\s+Partition: (\d+)\s+Leader: (\d+).*?Replicas: ([\d,]+)/g)].map(
      ([, topic = "", partition, leader, replicas = ""]) => {
        const others = replicas
          .split(",")
          .map(Number)
          .filter((node) => node !== Number(leader));
        const first = others[Math.floor(random.next() * others.length)] ?? Number(leader);
        return {
          topic,
          partition: Number(partition),
          replicas: [
            first,
            ...replicas
              .split(",")
              .map(Number)
              .filter((node) => node !== first),
          ],
        };
      },
    );
    const plan = join(folder, "plan.json");
    await writeFile(plan, JSON.stringify({ version: 1, partitions }));
    await javaTool(jars, "org.apache.kafka.tools.reassign.ReassignPartitionsCommand", [
      ...server,
      "--reassignment-json-file",
      plan,
      "--execute",
    ]);
    await javaTool(jars, "org.apache.kafka.tools.LeaderElectionCommand", [
      ...server,
      "--election-type",
      "preferred",
      "--all-topic-partitions",
    ]);
    return `${partitions.length} partitions have another leader`;
  } catch (thrown) {
    // A broker that was down a moment ago may not be in sync yet: then some partitions stay where they are.
    return `some leaders did not move: ${thrown instanceof Error ? thrown.message.slice(0, 300) : thrown}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
