import type { Link, RequestKind } from "../../core/log/link.ts";
import { type Clock, sleep } from "../../core/ports/clock.ts";
import { LogError } from "../../core/ports/log.ts";

/**
 * - "request-lost": the log never hears of it, and the client is told so after a while.
 * - "response-lost": the log has done it, and the client does not know.
 * - "late": the client has given up when the request arrives after all.
 * - "delayed": everything takes long, and comes.
 */
export type Fault = "request-lost" | "response-lost" | "late" | "delayed";

export interface FaultyLinkOptions {
  readonly clock: Clock;
  /** Asked for each request; undefined lets it through. */
  readonly fault?: (kind: RequestKind, detail: Readonly<Record<string, unknown>>) => Fault | undefined;
  /** How long a request and its answer take together, when nothing happens to them. @default no time at all */
  readonly latencyMs?: () => number;
  /** How long the client waits before it gives up, and how late or delayed requests arrive. @default 500 */
  readonly faultMs?: () => number;
}

/** The way between a client and the log in memory, where requests and answers get lost, come late, or wait while the process stands still. */
export class FaultyLink implements Link {
  /** What happened to how many requests: "EndTxn response-lost" and so on. */
  readonly injected: Map<string, number> = new Map();
  readonly #options: FaultyLinkOptions;
  #thawed: Promise<void> | undefined;
  #thaw: (() => void) | undefined;
  #dead = false;
  fault: FaultyLinkOptions["fault"];

  constructor(options: FaultyLinkOptions) {
    this.#options = options;
    this.fault = options.fault;
  }

  async request<T>(kind: RequestKind, detail: Readonly<Record<string, unknown>>, perform: () => T | Promise<T>): Promise<T> {
    const { clock, latencyMs = () => 0, faultMs = () => 500 } = this.#options;
    const fault = this.fault?.(kind, detail);
    if (fault !== undefined) this.injected.set(`${kind} ${fault}`, (this.injected.get(`${kind} ${fault}`) ?? 0) + 1);
    const lost = (): LogError => new LogError("REQUEST_TIMED_OUT", "indefinite", `${kind} was lost on its way`);
    await this.#pass();
    const latency = latencyMs();
    if (latency > 0) await sleep(clock, latency);
    else await undefined;
    await this.#pass();
    if (fault === "request-lost") {
      await sleep(clock, faultMs());
      throw lost();
    }
    if (fault === "late") {
      clock.after(faultMs(), () => {
        if (!this.#dead)
          Promise.resolve()
            .then(perform)
            .catch(() => {});
      });
      throw lost();
    }
    if (fault === "delayed") {
      await sleep(clock, faultMs());
      await this.#pass();
    }
    const answer = await perform();
    if (fault === "response-lost") {
      await sleep(clock, faultMs());
      throw lost();
    }
    await this.#pass();
    return answer;
  }

  /** Nothing goes out or comes in until `thaw`: so a process looks that stands still. */
  freeze(): void {
    this.#thawed ??= new Promise((resolve) => {
      this.#thaw = resolve;
    });
  }

  thaw(): void {
    this.#thaw?.();
    this.#thawed = undefined;
  }

  /** Nothing goes out or comes in any more: so it is after a crash. */
  cut(): void {
    this.#dead = true;
    this.freeze();
  }

  async #pass(): Promise<void> {
    while (this.#thawed !== undefined) await this.#thawed;
  }
}
