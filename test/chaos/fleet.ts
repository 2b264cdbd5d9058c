import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { join } from "node:path";

/** One process of the application. */
export interface Instance {
  readonly name: string;
  readonly pid: number;
  /** Its name in the group, which a successor takes over; undefined where it has none. */
  readonly seat: string | undefined;
  readonly ended: Promise<void>;
  /** Whether it has its place in the group. */
  running: boolean;
  /** True while its seat is being taken by another one: then it stops with an error. */
  replaced: boolean;
  /** True while somebody means to end it, or has. */
  doomed: boolean;
  frozen: boolean;
}

export interface FleetOptions {
  readonly brokers: string;
  readonly standbys: number;
  /** Where each process has its log. */
  readonly folder: string;
  readonly say: (line: string) => void;
}

/** The processes of the application. One that ends by itself is started again, as a supervisor would, and counted. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #running = new Map<string, { readonly instance: Instance; readonly child: ChildProcess }>();
  #started = 0;
  #closed = false;
  endedByThemselves = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
    process.prependOnceListener("exit", this.#atExit);
  }

  /** Those that nobody has meant to end. */
  get alive(): readonly Instance[] {
    return [...this.#running.values()].map(({ instance }) => instance).filter(({ doomed }) => !doomed);
  }

  has(instance: Instance): boolean {
    return this.#running.has(instance.name);
  }

  start(seat?: string): Instance {
    const { brokers, standbys, folder, say } = this.#options;
    const name = `instance-${++this.#started}`;
    const program = join(import.meta.dirname, "application.ts");
    const args = ["--disable-warning=ExperimentalWarning", program, brokers, name, String(standbys), ...(seat === undefined ? [] : [seat])];
    const child = spawn(process.execPath, args, {
      stdio: ["pipe", "pipe", "pipe"],
    });
    child.stdout!.on("data", (state: Buffer) => {
      instance.running ||= state.toString().includes("running");
    });
    child.stderr!.pipe(createWriteStream(join(folder, `${name}.log`)));
    let lately = "";
    child.stderr!.on("data", (data: Buffer) => {
      lately = (lately + data.toString()).slice(-shownBytes);
    });
    const ended = new Promise<void>((resolve) => {
      child.once("close", (code, signal) => {
        this.#running.delete(name);
        resolve();
        if (instance.replaced && lately.includes("INSTANCE_REPLACED")) return;
        // One that is asked to close before it has begun to listen ends by the signal itself.
        if (instance.doomed ? code === 0 || signal !== null : this.#closed) return;
        this.endedByThemselves++;
        say(
          `${name} has ended ${instance.doomed ? "uncleanly" : "by itself"} with ${signal ?? code}: ${lately.trimEnd().split("\n").at(-1)}`,
        );
        if (!instance.doomed) setTimeout(() => !this.#closed && say(`${this.start(seat).name} takes its place`), 1_000);
      });
    });
    const instance: Instance = { name, pid: child.pid!, seat, ended, running: false, replaced: false, doomed: false, frozen: false };
    this.#running.set(name, { instance, child });
    return instance;
  }

  async kill(instance: Instance): Promise<void> {
    instance.doomed = true;
    this.#signal(instance, "SIGKILL");
    await instance.ended;
  }

  /** Asks it to close, and waits. Gives how long it took; after `patienceMs` it is killed. */
  async close(instance: Instance, patienceMs = 60_000): Promise<number> {
    const began = performance.now();
    instance.doomed = true;
    this.#signal(instance, "SIGTERM");
    const impatient = setTimeout(() => {
      this.#options.say(`${instance.name} does not end within ${patienceMs / 1000} s and is killed`);
      this.#signal(instance, "SIGKILL");
    }, patienceMs);
    await instance.ended;
    clearTimeout(impatient);
    return performance.now() - began;
  }

  freeze(instance: Instance): void {
    instance.frozen = true;
    this.#signal(instance, "SIGSTOP");
  }

  thaw(instance: Instance): void {
    instance.frozen = false;
    this.#signal(instance, "SIGCONT");
  }

  async closeAll(): Promise<void> {
    this.#closed = true;
    const all = [...this.#running.values()].map(({ instance }) => instance);
    for (const instance of all) this.thaw(instance);
    await Promise.all(all.map((instance) => this.close(instance)));
    process.off("exit", this.#atExit);
  }

  #signal(instance: Instance, signal: NodeJS.Signals): void {
    this.#running.get(instance.name)?.child.kill(signal);
  }

  readonly #atExit = (): void => {
    for (const { child } of this.#running.values()) child.kill("SIGKILL");
  };
}

const shownBytes = 2_000;
