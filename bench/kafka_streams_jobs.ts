import { execFile } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { mkdtemp, readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cacheFolder } from "../node/local/cache_folder.ts";
import { fetchMavenDependencies } from "../node/local/maven_jars.ts";
import { missingCommands } from "../node/local/missing_commands.ts";

/** The programs of bench/kafka-streams, ready to be started. */
export interface KafkaStreamsJobs {
  /** With the release. */
  readonly name: string;
  /** The command that starts a program; it is told, after these arguments, where it may keep its state. */
  command(mainClass: string, args: readonly (string | number)[]): readonly string[];
}

/** Compiles the programs against the jars that Maven has fetched; or says what is missing here. What it makes is deleted when this process ends. */
export const kafkaStreamsJobs = async (): Promise<KafkaStreamsJobs | { readonly missing: string }> => {
  const project = fileURLToPath(new URL("kafka-streams", import.meta.url));
  const version = /<kafka.version>(.+)<\/kafka.version>/.exec(await readFile(join(project, "pom.xml"), "utf8"))![1]!;
  const folder = cacheFolder(`kafka-streams-${version}`);
  const missing = missingCommands(existsSync(folder) ? ["java", "javac"] : ["java", "javac", "mvn"]);
  if (missing.length > 0) return { missing: `${missing.join(" and ")} not found` };
  try {
    await fetchMavenDependencies(folder, join(project, "pom.xml"));
  } catch (error) {
    return { missing: (error as Error).message };
  }
  const work = await mkdtemp(join(tmpdir(), "millrace-streams-"));
  process.once("exit", () => rmSync(work, { recursive: true, force: true }));
  const jars = join(folder, "*");
  const sources = join(project, "src", "main", "java");
  const files = (await readdir(sources)).map((file) => join(sources, file));
  await promisify(execFile)("javac", ["-cp", jars, "-d", work, ...files]);
  let started = 0;
  return {
    name: `Kafka Streams ${version}`,
    command: (mainClass, args) => [
      ...["java", ...machine, "-cp", `${work}:${jars}`, mainClass],
      ...args.map(String),
      join(work, `state-${started++}`),
    ],
  };
};

/** On two cores the serial collector costs the least; the heap is enough for all the jobs. */
const machine = ["-Xmx384m", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"];
