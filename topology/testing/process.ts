import type { MemoryLog } from "../../core/log/mod.ts";
import type { Clock } from "../../core/ports/clock.ts";
import { LogError } from "../../core/ports/log.ts";
import type { StoreEngine } from "../../core/ports/store.ts";
import type { App } from "../../core/runtime/app.ts";
import { runOn } from "../run.ts";
import type { RunOptions } from "../run_options.ts";
import type { Topology } from "../topology.ts";
import type { Belongings } from "./instrument.ts";
import { lentLog } from "./lent_log.ts";
import { ProcessClock } from "./process_clock.ts";
import { ProcessLink, type ProcessLinkOptions } from "./process_link.ts";

export interface ProcessOptions {
  readonly name: string;
  readonly topology: Topology;
  readonly version: number;
  /** A name that outlives it. */
  readonly instanceId: string | undefined;
  readonly world: Clock;
  readonly memory: MemoryLog;
  readonly lookMs: number;
  readonly belongings: Belongings;
  readonly link: Omit<ProcessLinkOptions, "clock" | "onCrash">;
  readonly run: RunOptions;
  readonly stores: StoreEngine;
  readonly onEnd: (process: SimulatedProcess, how: "crashed" | "stopped" | "failed", error?: unknown) => void;
}

/** One process of the application: its clock, its way to the log, and the app that runs in it. It can stand still, be cut off, and die at any moment. */
export class SimulatedProcess {
  readonly name: string;
  readonly version: number;
  readonly instanceId: string | undefined;
  readonly clock: ProcessClock;
  readonly link: ProcessLink;
  /** What it has opened. */
  readonly belongings: Belongings;
  readonly #options: ProcessOptions;
  /** Undefined until it has started. */
  app: App | undefined;
  ended = false;
  /** Leaving in good order. */
  closing = false;

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.name = options.name;
    this.version = options.version;
    this.instanceId = options.instanceId;
    this.belongings = options.belongings;
    this.clock = new ProcessClock(options.world, options.lookMs);
    this.link = new ProcessLink({ ...options.link, clock: options.world, onCrash: () => this.crash() });
    void this.#start();
  }

  async #start(): Promise<void> {
    await undefined;
    const { topology, memory, run, stores } = this.#options;
    try {
      const app = await runOn(
        topology,
        { ...run, clock: this.clock, stores },
        { log: lentLog(memory.connect(this.link, this.clock), this.belongings.lent), ownsLog: true, createTopics: true },
      );
      if (this.ended) return;
      this.app = app;
      app.finished.then(
        () => this.#end("stopped"),
        (error: unknown) => this.#end("failed", error),
      );
      if (this.closing) void app.close({ timeout: closeTimeoutMs });
    } catch (error) {
      // Who cannot reach the log at the start gives up, and is started again by whoever looks after it.
      this.#end(error instanceof LogError ? "crashed" : "failed", error);
    }
  }

  /** At once, with everything that is under way. */
  crash(): void {
    if (this.ended) return;
    this.link.die();
    this.clock.die();
    this.#end("crashed");
  }

  pause(): void {
    this.clock.stand();
    this.link.stand();
  }

  resume(): void {
    this.link.go();
    this.clock.go();
  }

  /** Leaves in good order. */
  close(): void {
    if (this.closing) return;
    this.closing = true;
    void this.app?.close({ timeout: closeTimeoutMs });
  }

  /** What is left behind by one that has ended in good order. */
  get leftovers(): readonly string[] {
    return [
      ...(this.clock.pending === 0 ? [] : [`${this.clock.pending} timers`]),
      ...(this.link.pending === 0 ? [] : [`${this.link.pending} requests`]),
      ...this.belongings.lent.left,
    ];
  }

  #end(how: "crashed" | "stopped" | "failed", error?: unknown): void {
    if (this.ended) return;
    this.ended = true;
    this.#options.onEnd(this, how, error);
  }
}

const closeTimeoutMs = 5_000;
