import { ConfigurationError, FatalError, MillraceError, reason, StoreError } from "../errors.ts";
import type { Metric } from "../ports/metrics.ts";
import type { StoreDescriptor } from "../state/stores/store_descriptor.ts";
import type { Application } from "./application.ts";
import type { Assigned } from "./membership.ts";
import { type InstanceInfo, type KeyOwner, Queries, type QueryOptions, type StoreInfo, type TaskDirectory } from "./queries.ts";
import { asConfigurationError } from "./setup.ts";
import type { RestoreProgress } from "./store_follower.ts";
import { Worker } from "./worker.ts";

/** "rebalancing" while tasks are being assigned, opened and restored; "error" after what no policy has forgiven. */
export type AppState = "created" | "rebalancing" | "running" | "paused" | "stopping" | "stopped" | "error";

/** What listeners are told. */
export interface AppEvents {
  state: { readonly from: AppState; readonly to: AppState };
  /** What no policy has forgiven, before it is decided what follows. */
  error: MillraceError;
  /** One store has come further on its way back: changelog offsets done, of a total, and how many a second. */
  restore: RestoreProgress;
  /** A record was sent to a dead-letter topic, for this reason; it is there with the next commit. */
  deadLetter: { readonly topic: string; readonly error: MillraceError };
  /** Records and milliseconds of one commit. */
  commit: { readonly records: number; readonly durationMs: number };
  /** The tasks of this instance from now on, and those of others that it stands by for. */
  assigned: Assigned;
}

/** Listeners by event, as `run` takes them. What one throws is logged and changes nothing. */
export type Listeners = { readonly [E in keyof AppEvents]?: (event: AppEvents[E]) => void };

/** What happens after an error that no policy has forgiven. */
export type UncaughtPolicy = "replace-worker" | "stop-instance" | "stop-application";

/** How an application is closed. */
export interface CloseOptions {
  /** How long the last commit and the farewell may take before everything is dropped. */
  readonly timeout?: number;
  /** Tells the group, which gives the tasks to others at once. An instance that is only restarted need not: within the session timeout it finds its tasks where they were. @default false with an `instanceId`, true without */
  readonly leaveGroup?: boolean;
}

/** A running application on this instance. */
export interface App {
  readonly state: AppState;
  /** Resolves when the app has stopped, rejects with what stopped it. A bounded run ends by itself. */
  readonly finished: Promise<void>;
  /** Calls the listener at each such event, until the function that is returned is called. */
  on<E extends keyof AppEvents>(event: E, listener: (event: AppEvents[E]) => void): () => void;
  /** Takes nothing in until `resume`; what is done stays done. */
  pause(): void;
  resume(): void;
  /** Commits what is done, leaves the group, lets go of everything. Calling it again waits for the same end. */
  close(options?: CloseOptions): Promise<void>;
  /**
   * What a store holds here, to be looked at from outside: `get`, `range`, `fetch` and what else its kind can be asked. What runs on other instances is not in it: a question about one of their keys throws a StoreError KEY_ELSEWHERE, one to many keys gives those that are
   * here. While a task is being opened here its part throws STORE_NOT_READY.
   * @param store as it stands in the program, or its name
   */
  store<R>(store: StoreDescriptor<unknown, R>, options?: QueryOptions): R;
  store(name: string, options?: QueryOptions): any;
  /** Which instance has the entries of a key. Throws a StoreError STORE_NOT_READY while the group shares its tasks. Keys are found as Kafka's partitioner finds them, so the keys of a store that is read by other keys than its records' cannot be asked for. */
  ownerOf(store: string | StoreDescriptor<unknown, unknown>, key: unknown): KeyOwner;
  /** The inputs of the tasks here that keep a store: the next offset of each as of the last commit, by "topic/partition". For `atLeast`. */
  positions(store: string | StoreDescriptor<unknown, unknown>): ReadonlyMap<string, number>;
  /** The stores that can be asked. */
  stores(): readonly StoreInfo[];
  /** The instances of the application as the group last said: what each of them keeps and follows, and where it can be asked. None until this one is in the group. */
  instances(): readonly InstanceInfo[];
  /** Counters since the start, and gauges of this moment: tasks, watermark, lag_records, records_in, late_records, skipped_records, ... */
  metrics(): Iterable<Metric>;
}

/** What those get who start an app, beside what its user does. */
export interface StartedApp extends App {
  /** Ends it as a crash would. */
  kill(): void;
  /** What answers its questions. */
  readonly queries: Queries;
}

export interface AppOptions {
  readonly application: Application;
  readonly onUncaught: UncaughtPolicy | ((error: unknown) => UncaughtPolicy);
  readonly closeTimeoutMs: number;
  readonly listeners: Listeners;
  /** Run when everything else has ended: closes sinks and the log. */
  readonly release: () => Promise<void>;
}

const replacementsMax = 5;
const replacementsWindowMs = 600_000;

/** Starts the worker of an application that is set up, and watches over it. */
export const launch = (options: AppOptions): StartedApp & { fail(error: unknown): void } => new RunningApp(options);

class RunningApp implements StartedApp {
  readonly finished: Promise<void>;
  readonly queries: Queries;
  readonly #options: AppOptions;
  readonly #listeners = new Map<keyof AppEvents, Set<(event: any) => void>>();
  #state: AppState = "created";
  #worker: Worker;
  #closing: Promise<void> | undefined;
  #replaced: number[] = [];
  #slot = 0;
  /** By the user: the worker of the moment takes nothing in, nor one that takes its place. */
  #paused = false;
  /** What the worker would say if nobody had paused it. */
  #workerState: "rebalancing" | "running" = "rebalancing";
  /** Why the application as a whole is being stopped from here. */
  #stopping: { readonly error: unknown } | undefined;

  constructor(options: AppOptions) {
    this.#options = options;
    this.queries = new Queries(options.application, () => this.#directory());
    for (const event of Object.keys(options.listeners) as (keyof AppEvents)[])
      this.on(event, options.listeners[event] as (event: any) => void);
    this.#worker = this.#makeWorker();
    this.finished = this.#run();
    // Who does not look at `finished` hears of the error by the listener and the log.
    this.finished.catch(() => {});
  }

  get state(): AppState {
    return this.#state;
  }

  on<E extends keyof AppEvents>(event: E, listener: (event: AppEvents[E]) => void): () => void {
    let listeners = this.#listeners.get(event);
    if (listeners === undefined) this.#listeners.set(event, (listeners = new Set()));
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  pause(): void {
    if (this.#isOver) return;
    this.#paused = true;
    this.#worker.pause(true);
    this.#become("paused");
  }

  resume(): void {
    if (this.#isOver || !this.#paused) return;
    this.#paused = false;
    this.#worker.pause(false);
    this.#become(this.#workerState);
  }

  close(options: CloseOptions = {}): Promise<void> {
    const { settings } = this.#options.application;
    this.#closing ??= this.#close(options.timeout ?? this.#options.closeTimeoutMs, options.leaveGroup ?? settings.groupInstanceId === null);
    return this.#closing;
  }

  /** As a crash would: nothing is committed, the group is not told. */
  kill(): void {
    this.#worker.kill();
  }

  /** Something beside the worker has failed that the run cannot do without. */
  fail(error: unknown): void {
    this.#worker.fail(error);
  }

  store(store: string | StoreDescriptor<unknown, unknown>, options?: QueryOptions): any {
    return this.queries.view(store, options);
  }

  ownerOf(store: string | StoreDescriptor<unknown, unknown>, key: unknown): KeyOwner {
    return this.queries.ownerOf(store, key);
  }

  positions(store: string | StoreDescriptor<unknown, unknown>): ReadonlyMap<string, number> {
    return this.queries.positions(store);
  }

  stores(): readonly StoreInfo[] {
    return this.queries.stores();
  }

  instances(): readonly InstanceInfo[] {
    return this.queries.instances();
  }

  *metrics(): IterableIterator<Metric> {
    yield* this.#options.application.counters;
    yield* this.#worker.gauges();
  }

  #directory(): TaskDirectory {
    if (this.#state === "stopped" || this.#state === "error")
      throw new StoreError(
        "STORE_NOT_READY",
        "The application has stopped: what it keeps can be read when it runs again, here or elsewhere",
      );
    return this.#worker.directory;
  }

  get #isOver(): boolean {
    return this.#state === "stopping" || this.#state === "stopped" || this.#state === "error";
  }

  #makeWorker(): Worker {
    const worker = new Worker(this.#options.application, this.#slot++, {
      state: (state) => {
        this.#workerState = state;
        if (!this.#isOver) this.#become(this.#paused && state === "running" ? "paused" : state);
      },
      restore: (progress) => this.#tell("restore", progress),
      commit: (commit) => this.#tell("commit", commit),
      deadLetter: (letter) => this.#tell("deadLetter", letter),
      assigned: (assigned) => this.#tell("assigned", assigned),
    });
    if (this.#paused) worker.pause(true);
    return worker;
  }

  async #run(): Promise<void> {
    try {
      for (;;) {
        try {
          await this.#worker.run();
          break;
        } catch (thrown) {
          const error = asConfigurationError(thrown);
          if (!this.#forgives(error)) throw error;
          this.#worker = this.#makeWorker();
          // A worker that only tells the leader: every member then hears of it with its next assignment.
          if (this.#stopping !== undefined) this.#worker.stopApplication();
        }
      }
      if (this.#stopping !== undefined) throw this.#stopping.error;
    } catch (error) {
      if (this.#state !== "stopping") {
        await this.#release();
        this.#become("error");
        throw error;
      }
    }
    await this.#release();
    this.#become("stopped");
  }

  /** What does not let go in good order must not hide why the app has ended. */
  async #release(): Promise<void> {
    try {
      await this.#options.release();
    } catch (error) {
      this.#options.application.logger.log("warn", `Not everything could be released: ${reason(error)}`);
    }
  }

  /** True when another worker takes over. */
  #forgives(error: unknown): boolean {
    const { application, onUncaught } = this.#options;
    const { logger, clock } = application;
    const known = error instanceof MillraceError ? error : new FatalError("INTERNAL", reason(error), { cause: error });
    if (this.#state === "stopping" || known.code === "APP_CLOSED") return false;
    this.#tell("error", known);
    const place = { code: known.code, step: known.step, topic: known.topic, partition: known.partition, offset: known.offset };
    const chosen = typeof onUncaught === "function" ? this.#choose(onUncaught, error) : onUncaught;
    const nowMs = clock.monotonic();
    this.#replaced = this.#replaced.filter((atMs) => nowMs - atMs < replacementsWindowMs);
    // What the program or its surroundings have to mend does not go away by itself.
    const hopeless = known instanceof ConfigurationError || known.name === "TopologyError";
    if (chosen === "replace-worker" && !hopeless && this.#replaced.length < replacementsMax) {
      this.#replaced.push(nowMs);
      logger.log("error", `The worker failed and is replaced (${this.#replaced.length} of ${replacementsMax}): ${known.message}`, place);
      return true;
    }
    logger.log("error", `The ${chosen === "stop-application" ? "application" : "instance"} stops: ${known.message}`, place);
    if (chosen !== "stop-application" || this.#stopping !== undefined) return false;
    this.#stopping = { error };
    return true;
  }

  #choose(onUncaught: (error: unknown) => UncaughtPolicy, error: unknown): UncaughtPolicy {
    try {
      return onUncaught(error);
    } catch (thrown) {
      this.#options.application.logger.log("error", `onUncaught threw, so the instance stops: ${reason(thrown)}`);
      return "stop-instance";
    }
  }

  async #close(timeoutMs: number, leaveGroup: boolean): Promise<void> {
    if (this.#state === "stopped" || this.#state === "error") return;
    this.#become("stopping");
    this.#worker.stop(!leaveGroup && this.#options.application.settings.groupInstanceId !== null);
    const { clock } = this.#options.application;
    let late = false;
    const timeout = clock.after(timeoutMs, () => {
      late = true;
      this.#worker.kill();
    });
    await this.finished.catch(() => {});
    timeout.cancel();
    if (late)
      this.#options.application.logger.log(
        "warn",
        `Closing took longer than ${timeoutMs} ms: what was not committed is read again at the next start`,
      );
  }

  #become(to: AppState): void {
    const from = this.#state;
    if (from === to) return;
    this.#state = to;
    this.#tell("state", { from, to });
  }

  #tell<E extends keyof AppEvents>(event: E, what: AppEvents[E]): void {
    for (const listener of this.#listeners.get(event) ?? [])
      try {
        listener(what);
      } catch (thrown) {
        this.#options.application.logger.log("error", `A listener of '${event}' threw: ${reason(thrown)}`);
      }
  }
}
