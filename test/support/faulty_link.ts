import type { Link, RequestKind } from "../../core/log/link.ts";
import type { Clock } from "../../core/ports/clock.ts";
import { type Detail, ProcessLink, type RequestFault } from "../../topology/testing/process_link.ts";

export type Fault = Exclude<RequestFault, "repeated" | "crash-before" | "crash-after">;

export interface FaultyLinkOptions {
  readonly clock: Clock;
  /** Asked for each request; undefined lets it through. */
  readonly fault?: (kind: RequestKind, detail: Detail) => Fault | undefined;
  /** How long a request and its answer take together, when nothing happens to them. @default no time at all */
  readonly latencyMs?: () => number;
  /** How long the client waits before it gives up, and how late or delayed requests arrive. @default 500 */
  readonly faultMs?: () => number;
}

/** The way between a client and the log in memory as the simulation has it, with faults that a test puts in and takes out as it likes. */
export class FaultyLink implements Link {
  /** What happened to how many requests: "EndTxn response-lost" and so on. */
  readonly injected: Map<string, number> = new Map();
  fault: FaultyLinkOptions["fault"];
  readonly #link: ProcessLink;

  constructor({ fault, ...options }: FaultyLinkOptions) {
    this.fault = fault;
    this.#link = new ProcessLink({ ...options, fault: (kind, _number, detail) => this.#injected(kind, detail) });
  }

  request<T>(kind: RequestKind, detail: Detail, perform: () => T | Promise<T>): Promise<T> {
    return this.#link.request(kind, detail, perform);
  }

  /** Nothing goes out or comes in until `thaw`: so a process looks that stands still. */
  freeze(): void {
    this.#link.stand();
    this.#link.disconnect();
  }

  thaw(): void {
    this.#link.reconnect();
    this.#link.go();
  }

  /** Nothing goes out or comes in any more: so it is after a crash. */
  cut(): void {
    this.#link.die();
  }

  #injected(kind: RequestKind, detail: Detail): Fault | undefined {
    const fault = this.fault?.(kind, detail);
    if (fault !== undefined) this.injected.set(`${kind} ${fault}`, (this.injected.get(`${kind} ${fault}`) ?? 0) + 1);
    return fault;
  }
}
