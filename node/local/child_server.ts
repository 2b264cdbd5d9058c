import { execFileSync, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

export interface ChildServerOptions {
  /** What messages call it. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Its working folder, made when absent; `server.log` and `server.pid` go there. */
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Asked again and again until it says yes; an error counts as no. */
  ready(): Promise<boolean>;
  /** How long it may take to get ready. @default 120000 */
  readonly readyMs?: number;
}

export interface ChildServer {
  readonly pid: number;
  readonly folder: string;
  readonly logFile: string;
  /** Ends it and waits until it is gone. */
  stop(): Promise<void>;
}

/**
 * Starts a server as a process of its own, which outlives this one, and waits until it is ready. One folder holds one server: a second start there is refused while the
 * first one runs. Throws with the last lines of its log when it ends or is not ready in time; it does not run any more then.
 */
export const startChildServer = async (options: ChildServerOptions): Promise<ChildServer> => {
  const { name, folder, readyMs = 120_000 } = options;
  const running = serverIn(folder);
  if (running !== undefined)
    throw new Error(`Cannot start ${name} in ${folder} as one runs there already with process id ${running}: stop it first`);
  mkdirSync(folder, { recursive: true });
  const logFile = join(folder, "server.log");
  const log = openSync(logFile, "w");
  const child = spawn(options.command, options.args, {
    cwd: folder,
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...process.env, ...options.env },
  });
  closeSync(log);
  let ended: string | undefined;
  child.once("error", (error) => {
    ended = error.message;
  });
  child.once("exit", (code, signal) => {
    ended ??= signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`;
  });
  child.unref();
  const { pid } = child;
  if (pid !== undefined) writeFileSync(pidFileIn(folder), JSON.stringify({ pid, born: bornAt(pid) }));

  const until = performance.now() + readyMs;
  while (!(await options.ready().catch(() => false))) {
    if (ended === undefined && performance.now() < until) {
      await delay(100);
      continue;
    }
    const why = ended ?? `it was not ready after ${readyMs} ms`;
    await stopServerIn(folder);
    throw new Error(`Cannot start ${name} as ${why}: its log is ${logFile}\n${lastLines(logFile, 20)}`);
  }
  if (pid === undefined || ended !== undefined)
    throw new Error(
      `Cannot start ${name} as ${ended ?? "it has no process id"}, while somebody else answers in its place: choose another port`,
    );
  return {
    pid,
    folder,
    logFile,
    stop: async () => {
      await stopServerIn(folder);
    },
  };
};

/** The process id of the server that runs in the folder. Undefined when there is none, also when its id belongs to another process by now. */
export const serverIn = (folder: string): number | undefined => {
  const pidFile = pidFileIn(folder);
  if (!existsSync(pidFile)) return undefined;
  try {
    const { pid, born } = JSON.parse(readFileSync(pidFile, "utf8")) as { pid: number; born: string };
    return Number.isSafeInteger(pid) && pid > 1 && born !== "" && bornAt(pid) === born ? pid : undefined;
  } catch {
    return undefined;
  }
};

/** Ends the server that runs in the folder: asks, and after so many milliseconds forces. Says whether there was one. */
export const stopServerIn = async (folder: string, patienceMs = 15_000): Promise<boolean> => {
  const pid = serverIn(folder);
  if (pid !== undefined) {
    signalTo(pid, "SIGTERM");
    const until = performance.now() + patienceMs;
    while (serverIn(folder) !== undefined) {
      if (performance.now() > until) signalTo(pid, "SIGKILL");
      await delay(50);
    }
  }
  rmSync(pidFileIn(folder), { force: true });
  return pid !== undefined;
};

const pidFileIn = (folder: string): string => join(folder, "server.pid");

const signalTo = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone already, which is what was wanted.
  }
};

/**
 * When the process began, so that a process id that was given out again is not mistaken for the server; empty when there is no such process, or it only waits to be buried.
 * Linux has it exactly in /proc; elsewhere `ps` tells it to the second.
 */
const bornAt = (pid: number): string => {
  try {
    if (existsSync("/proc/self/stat")) {
      // The second field is the command in parentheses and may itself hold spaces; state and start time are the 3rd and 22nd.
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\)\s*/s, "")
        .split(" ");
      return fields[0] === "Z" ? "" : (fields[19] ?? "");
    }
    const [state, ...born] = execFileSync("ps", ["-o", "state=,lstart=", "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    })
      .trim()
      .split(/\s+/);
    return state === undefined || state.startsWith("Z") ? "" : born.join(" ");
  } catch {
    return "";
  }
};

const lastLines = (file: string, count: number): string => readFileSync(file, "utf8").trimEnd().split("\n").slice(-count).join("\n");
