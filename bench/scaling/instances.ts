import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cacheFolder } from "../../node/local/cache_folder.ts";
import { fetchMavenJars } from "../../node/local/maven_jars.ts";
import { missingCommands } from "../../node/local/missing_commands.ts";

/** What an instance of the job is started with; the same for both systems. */
export interface InstanceSetting {
  readonly brokers: string;
  readonly applicationId: string;
  readonly input: string;
  readonly output: string;
  readonly standbys: number;
  readonly sessionMs: number;
  readonly heartbeatMs: number;
  readonly commitMs: number;
}

/** Something that runs the job. */
export interface System {
  readonly name: string;
  /** The command and its arguments for one instance. */
  command(setting: InstanceSetting): readonly string[];
  close(): Promise<void>;
}

export const millrace: System = {
  name: "Millrace",
  command: (setting) => [process.execPath, fileURLToPath(new URL("count_instance.ts", import.meta.url)), JSON.stringify(setting)],
  close: async () => {},
};

const version = "4.1.0";

/** Kafka Streams, compiled here; or what is missing for it. */
export const kafkaStreams = async (): Promise<System | { readonly missing: string }> => {
  const folder = cacheFolder(`kafka-streams-${version}`);
  const missing = missingCommands(existsSync(folder) ? ["java", "javac"] : ["java", "javac", "mvn"]);
  if (missing.length > 0) return { missing: `${missing.join(" and ")} not found` };
  try {
    await fetchMavenJars(folder, [`org.apache.kafka:kafka-streams:${version}`, "org.slf4j:slf4j-simple:1.7.36"]);
  } catch (error) {
    return { missing: (error as Error).message };
  }
  const work = await mkdtemp(join(tmpdir(), "millrace-streams-"));
  const jars = join(folder, "*");
  const source = fileURLToPath(new URL("KafkaStreamsCount.java", import.meta.url));
  await promisify(execFile)("javac", ["-cp", jars, "-d", work, source]);
  let instances = 0;
  return {
    name: `Kafka Streams ${version}`,
    command: (one) => [
      ...[
        "java",
        "-Xmx384m",
        "-XX:+UseSerialGC",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
        "-cp",
        `${work}:${jars}`,
        "KafkaStreamsCount",
      ],
      ...[one.brokers, one.applicationId, one.input, one.output].map(String),
      ...[one.standbys, one.sessionMs, one.heartbeatMs, one.commitMs].map(String),
      join(work, `state-${instances++}`),
    ],
    close: () => rm(work, { recursive: true, force: true }),
  };
};

/** One process that runs the job. */
export class Instance {
  readonly #child: ChildProcess;
  readonly ended: Promise<void>;
  #said = "";
  #state = "starting";

  constructor(system: System, setting: InstanceSetting) {
    const [command, ...args] = system.command(setting);
    this.#child = spawn(command!, args, { stdio: ["ignore", "pipe", "pipe"] });
    // Who ends the measurement ends what it has started.
    const atExit = (): void => void this.#child.kill("SIGKILL");
    process.once("exit", atExit);
    this.ended = new Promise((resolve) =>
      this.#child.once("exit", () => {
        process.off("exit", atExit);
        resolve();
      }),
    );
    this.#child.stdout!.on("data", (data: Buffer) => {
      for (const [, state] of data.toString().matchAll(/^state (\w+)$/gm)) this.#state = state!;
    });
    this.#child.stderr!.on("data", (data: Buffer) => {
      this.#said = (this.#said + data.toString()).slice(-2000);
    });
  }

  get isRunning(): boolean {
    if (this.#child.exitCode !== null) throw new Error(`An instance ended by itself: ${this.#said}`);
    return this.#state === "running";
  }

  /** CPU that it has used so far, user and system, in seconds; undefined where the machine does not say. */
  get cpuSeconds(): number | undefined {
    const file = `/proc/${this.#child.pid}/stat`;
    if (!existsSync(file)) return undefined;
    const [user, system] = readFileSync(file, "utf8").split(") ")[1]!.split(" ").slice(11, 13).map(Number) as [number, number];
    return (user + system) / ticksPerSecond;
  }

  /** Asks it to end, and waits until it has. */
  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.ended;
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

/** Of /proc; the same on every Linux that Node runs on. */
const ticksPerSecond = 100;

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export const until = async (what: string, holds: () => boolean | Promise<boolean>, patienceMs = 120_000): Promise<void> => {
  const endMs = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`It did not come to this in ${patienceMs} ms: ${what}`);
    await sleep(20);
  }
};
