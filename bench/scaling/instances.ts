import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { kafkaStreamsJobs } from "../kafka_streams_jobs.ts";

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
}

export const millrace: System = {
  name: "Millrace",
  command: (setting) => [process.execPath, fileURLToPath(new URL("count_instance.ts", import.meta.url)), JSON.stringify(setting)],
};

/** Or what is missing for it. */
export const kafkaStreams = async (): Promise<System | { readonly missing: string }> => {
  const java = await kafkaStreamsJobs();
  if ("missing" in java) return java;
  return {
    name: `Kafka Streams ${java.version}`,
    command: ({ brokers, applicationId, input, output, standbys, sessionMs, heartbeatMs, commitMs }) =>
      java.command("CountInstance", [brokers, applicationId, input, output, standbys, sessionMs, heartbeatMs, commitMs]),
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
