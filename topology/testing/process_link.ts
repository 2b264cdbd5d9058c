import type { Link, RequestKind } from "../../core/log/link.ts";
import { type Clock, sleep } from "../../core/ports/clock.ts";
import { LogError } from "../../core/ports/log.ts";

/**
 * What can happen to one request.
 * - "request-lost": the log never hears of it, and the client is told after a while that nobody knows.
 * - "response-lost": the log has done it, and the client does not know.
 * - "late": the client has given up when the request arrives after all.
 * - "delayed": everything takes long, and comes.
 * - "repeated": it arrives twice, one right after the other, as when a connection is taken up again.
 * - "crash-before", "crash-after": the process dies before the log hears of it, or when the log has done it.
 */
export type RequestFault = "request-lost" | "response-lost" | "late" | "delayed" | "repeated" | "crash-before" | "crash-after";

export type Detail = Readonly<Record<string, unknown>>;

export interface ProcessLinkOptions {
  /** Of the network: it goes on while the process stands still. */
  readonly clock: Clock;
  /** Asked for each request, by its number among those of its kind; undefined lets it through. */
  readonly fault?: (kind: RequestKind, number: number, detail: Detail) => RequestFault | undefined;
  /** How long a request and its answer take together, when nothing happens to them. @default no time at all */
  readonly latencyMs?: () => number;
  /** How long the client waits before it gives up, and how late or delayed requests arrive. @default 500 */
  readonly faultMs?: () => number;
  readonly onCrash?: () => void;
  /** Told whenever the log has done something, however late; with what it answered. */
  readonly onDone?: (kind: RequestKind, detail: Detail, answer: unknown) => void;
}

/** A gate that is closed and opened from outside. */
class Gate {
  #opened: Promise<void> | undefined;
  #open: (() => void) | undefined;

  close(): void {
    this.#opened ??= new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  open(): void {
    this.#open?.();
    this.#opened = undefined;
  }

  async pass(): Promise<void> {
    while (this.#opened !== undefined) await this.#opened;
  }
}

/** The way between one process and the log in memory: requests and answers take time, get lost, come late or twice, or wait while the process stands still or is cut off. */
export class ProcessLink implements Link {
  readonly #options: ProcessLinkOptions;
  readonly #numbers = new Map<RequestKind, number>();
  readonly #process = new Gate();
  readonly #network = new Gate();
  #dead = false;
  /** Requests that have no answer yet. */
  pending = 0;

  constructor(options: ProcessLinkOptions) {
    this.#options = options;
  }

  async request<T>(kind: RequestKind, detail: Detail, perform: () => T | Promise<T>): Promise<T> {
    // The log answers these when others have come; and not at all when the same member asks again.
    const waits = kind === "JoinGroup" || kind === "SyncGroup";
    if (!waits) this.pending++;
    try {
      return await this.#request(kind, detail, perform);
    } finally {
      if (!waits) this.pending--;
      // A process that stands still hears of it when it goes on; a dead one never.
      await this.#process.pass();
    }
  }

  /** The process stands still: it hears nothing until `go`. What it has sent before arrives. */
  stand(): void {
    this.#process.close();
  }

  go(): void {
    if (!this.#dead) this.#process.open();
  }

  /** The process is cut off: what it sends waits until `reconnect`. */
  disconnect(): void {
    this.#network.close();
  }

  reconnect(): void {
    if (!this.#dead) this.#network.open();
  }

  /** Nothing goes out or comes in any more. What is on its way already arrives. */
  die(): void {
    this.#dead = true;
    this.#process.close();
    this.#network.close();
  }

  async #request<T>(kind: RequestKind, detail: Detail, perform: () => T | Promise<T>): Promise<T> {
    const { clock, latencyMs = () => 0, faultMs = () => 500, onDone, onCrash } = this.#options;
    const number = this.#numbers.get(kind) ?? 0;
    this.#numbers.set(kind, number + 1);
    const fault = this.#options.fault?.(kind, number, detail);
    const lost = (): LogError => new LogError("REQUEST_TIMED_OUT", "indefinite", `${kind} was lost on its way`);
    const done = async (): Promise<T> => {
      const answer = await perform();
      onDone?.(kind, detail, answer);
      return answer;
    };
    const unheard = (): void => void done().catch(() => {});
    if (fault === "crash-before") onCrash?.();
    await this.#process.pass();
    await this.#network.pass();
    const latency = latencyMs();
    if (latency > 0) await sleep(clock, latency / 2);
    else await undefined;
    if (fault === "request-lost") {
      await sleep(clock, faultMs());
      throw lost();
    }
    if (fault === "late") {
      const lateMs = faultMs();
      clock.after(lateMs, unheard);
      await sleep(clock, lateMs / 2);
      throw lost();
    }
    if (fault === "delayed") await sleep(clock, faultMs());
    const answer = await (fault === "repeated" ? twice(done) : done());
    if (fault === "crash-after") onCrash?.();
    if (fault === "response-lost") {
      await sleep(clock, faultMs());
      throw lost();
    }
    if (latency > 0) await sleep(clock, latency / 2);
    await this.#network.pass();
    return answer;
  }
}

/** Where the second time takes the place of the first, as when a group waits for others, its answer is the one that counts. */
const twice = <T>(done: () => Promise<T>): Promise<T> => {
  const first = done();
  return Promise.race([first, done().catch(() => first)]);
};
