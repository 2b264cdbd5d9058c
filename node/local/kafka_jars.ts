import { existsSync } from "node:fs";
import { cacheFolder } from "./cache_folder.ts";
import { fetchMavenJars } from "./maven_jars.ts";
import { javaVersion, missingCommands } from "./missing_commands.ts";

/** The release that is run unless another one is asked for. */
export const kafkaVersion = "4.1.0";

/** Gives the folder with Kafka's jars, the broker and the console tools. The first time Maven fetches them, 54 MB. */
export const kafkaJars = async (version: string = kafkaVersion): Promise<string> => {
  const folder = jarsFolder(version);
  await fetchMavenJars(folder, [
    `org.apache.kafka:kafka_2.13:${version}`,
    `org.apache.kafka:kafka-tools:${version}`,
    "org.slf4j:slf4j-simple:1.7.36",
  ]);
  return folder;
};

/** What this machine lacks to run Kafka; empty when nothing is missing. What has been fetched before needs Java alone. */
export const kafkaMissing = (version: string = kafkaVersion): readonly string[] => {
  const missing = missingCommands(existsSync(jarsFolder(version)) ? ["java"] : ["java", "mvn"]);
  const java = missing.includes("java") ? undefined : javaVersion();
  return java !== undefined && java < javaNeeded ? [...missing, `java ${javaNeeded} (here is ${java})`] : missing;
};

const jarsFolder = (version: string): string => cacheFolder(`kafka-${version}`);
const javaNeeded = 17;
