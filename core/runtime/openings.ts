import { reason } from "../errors.ts";
import type { Application } from "./application.ts";
import type { Departed } from "./departed.ts";
import { isPassing } from "./insist.ts";
import { pause } from "./pause.ts";
import type { Replicas } from "./replicas.ts";
import type { Task } from "./sealed_task.ts";
import type { StoreFollower } from "./store_follower.ts";
import type { TaskEnvironment } from "./task_environment.ts";
import { inputsOf, makeTask, startPositions } from "./task_opening.ts";
import { openTaskStores, storesOfTask, TaskStores, taskOf } from "./task_stores.ts";

export interface OpeningsOptions {
  readonly application: Application;
  readonly environment: TaskEnvironment;
  readonly follower: StoreFollower;
  readonly replicas: Replicas;
  readonly departed: Departed;
  /** The task works from now on. */
  readonly onOpened: (task: Task, stores: TaskStores) => void;
  /** None is left that is being opened. */
  readonly onDone: () => void;
  readonly onFailure: (error: unknown) => void;
  /** Aborted when the worker is no more. */
  readonly signal: AbortSignal;
}

interface Opening {
  readonly id: string;
  /** What was kept here of the task, or nothing. */
  readonly kept: Promise<TaskStores | undefined>;
  readonly given: AbortController;
  /** Somebody sees to what was kept: whoever opens the task, or whoever gives it up before that. */
  claimed: boolean;
  stores: TaskStores | undefined;
  /** The task goes on elsewhere, and its stores are followed here. */
  keep: boolean;
}

const firstPauseMs = 1000;
const longestPauseMs = 60_000;
/** A restore that has taken so long is worth a line in the log when it is over. */
const longMs = 1000;

/**
 * Tasks on their way from being assigned to running. The order is what exactly-once rests on: whoever had the tasks before is fenced first, then offsets are read, waiting for those that a transaction holds back, and only then the ends of the changelogs, up to which the stores are
 * restored. Each task runs as soon as its own stores are there. A rebalance in between does not disturb those that stay.
 */
export class Openings {
  readonly #options: OpeningsOptions;
  readonly #openings = new Map<string, Opening>();
  readonly #runs = new Set<Promise<void>>();

  constructor(options: OpeningsOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#openings.size === 0;
  }

  has(id: string): boolean {
    return this.#openings.has(id);
  }

  /** Opens tasks; what was kept of them is claimed at once. */
  begin(ids: readonly string[], departed: readonly string[]): void {
    if (ids.length === 0) return;
    const batch = ids.map(
      (id): Opening => ({
        id,
        kept: this.#options.replicas.claim(id),
        given: new AbortController(),
        claimed: false,
        stores: undefined,
        keep: false,
      }),
    );
    for (const opening of batch) this.#openings.set(opening.id, opening);
    const run = this.#run(batch, departed).finally(() => this.#runs.delete(run));
    this.#runs.add(run);
  }

  /**
   * Gives up those that are not wanted any more. Their stores are parked when they are to be followed here, and closed otherwise. None of them becomes a task from the call on, whatever is awaited meanwhile: it might be another member's by now, and its positions
   * are those of before.
   */
  async giveUp(isWanted: (id: string) => boolean, isKept: (id: string) => boolean): Promise<void> {
    const given = [...this.#openings.values()].filter(({ id }) => !isWanted(id));
    for (const opening of given) {
      this.#openings.delete(opening.id);
      opening.keep = isKept(opening.id);
      opening.given.abort();
    }
    for (const opening of given) {
      const stores = opening.stores ?? (opening.claimed ? undefined : await opening.kept);
      if (stores !== undefined) await this.#dispose(opening, stores);
    }
    if (given.length > 0 && this.isEmpty) this.#options.onDone();
  }

  /** How far the stores of tasks are that are being opened. */
  *sums(): IterableIterator<readonly [id: string, sum: number]> {
    for (const { id, stores } of this.#openings.values()) if (stores !== undefined) yield [id, stores.offsetSum];
  }

  async close(): Promise<void> {
    await this.giveUp(
      () => false,
      () => false,
    );
    await Promise.all(this.#runs);
  }

  async #run(batch: readonly Opening[], departed: readonly string[]): Promise<void> {
    const { application, signal, onFailure } = this.#options;
    try {
      await this.#options.departed.end(departed);
      for (let tries = 0; ; tries++) {
        const left = batch.filter((opening) => this.#isOpen(opening));
        if (left.length === 0 || signal.aborted) return;
        try {
          await this.#open(left);
        } catch (error) {
          if (signal.aborted) return;
          // A broker that is away for a while is no reason to give the tasks up; other tasks go on meanwhile.
          if (!isPassing(error)) throw error;
          application.logger.log("warn", "Tasks could not be opened yet", { reason: error.message });
          await pause(application.clock, Math.min(firstPauseMs * 2 ** tries, longestPauseMs), signal);
        }
      }
    } catch (error) {
      if (batch.some((opening) => this.#isOpen(opening))) onFailure(error);
      else application.logger.log("debug", "An opening was overtaken by a rebalance", { reason: reason(error) });
    }
  }

  #isOpen(opening: Opening): boolean {
    return this.#openings.get(opening.id) === opening;
  }

  async #open(batch: readonly Opening[]): Promise<void> {
    const { application, follower } = this.#options;
    const { log, settings } = application;
    for (const opening of batch) {
      if (opening.stores !== undefined || !this.#isOpen(opening)) continue;
      opening.claimed = true;
      const stores = (await this.#kept(opening)) ?? (await openTaskStores(application, opening.id));
      if (this.#isOpen(opening)) opening.stores = stores;
      else await this.#dispose(opening, stores);
    }
    const open = batch.flatMap((opening) =>
      this.#isOpen(opening) && opening.stores !== undefined
        ? [{ opening, stores: opening.stores, inputs: inputsOf(application, opening.stores) }]
        : [],
    );
    const partitions = open.flatMap(({ inputs }) => inputs);
    const committed = await log.admin.committed(settings.applicationId, partitions, {
      requireStable: true,
      timeoutMs: settings.taskTimeoutMs,
    });
    const positions = await startPositions(application, partitions, committed);
    // A topic that was made anew has taken its offsets with it: from its beginning it would be replayed on top of the state. Asked last, so that it holds for what was read.
    await application.topics.check([...new Set(partitions.map(({ topic }) => topic))]);
    const ranges = await follower.ranges(settings.guarantee === "none" ? [] : open.map(({ stores }) => stores), positions);
    const ends = await log.admin.offsets(partitions, "latest", "read-uncommitted");
    const opened = await Promise.allSettled(
      open.map(async ({ opening, stores, inputs }) => {
        const fromMs = application.clock.monotonic();
        if (settings.guarantee !== "none") await follower.restore(stores, ranges, opening.given.signal);
        if (!this.#isOpen(opening)) return;
        this.#tellOfLong(opening.id, application.clock.monotonic() - fromMs);
        const task = makeTask(application, this.#options.environment, stores, { inputs, positions, ends });
        this.#openings.delete(opening.id);
        this.#options.onOpened(task, stores);
        if (this.isEmpty) this.#options.onDone();
      }),
    );
    const failed = opened.find((one) => one.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  /** What was kept, for the task as it is now: it may read other topics than when its stores were opened. */
  async #kept(opening: Opening): Promise<TaskStores | undefined> {
    const { application } = this.#options;
    const kept = await opening.kept;
    if (kept === undefined) return undefined;
    const { plan, partition } = taskOf(application, opening.id);
    const names = new Set(storesOfTask(application, plan, partition).map(({ name }) => name));
    if (kept.stores.length === names.size && kept.stores.every(({ name }) => names.has(name)))
      return new TaskStores(opening.id, plan, partition, kept.stores);
    await kept.close();
    return undefined;
  }

  #tellOfLong(task: string, tookMs: number): void {
    if (tookMs < longMs) return;
    this.#options.application.logger.log("info", `Task ${task} is restored: that took ${(tookMs / 1000).toFixed(1)} s`);
  }

  async #dispose({ keep }: Opening, stores: TaskStores): Promise<void> {
    this.#options.follower.stop(stores);
    if (keep) this.#options.replicas.park(stores);
    else await stores.close();
  }
}
