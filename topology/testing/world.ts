import { millis } from "../../core/duration.ts";
import { ConfigurationError, reason } from "../../core/errors.ts";
import type { RequestKind } from "../../core/log/link.ts";
import { type MemoryLog, memoryLog } from "../../core/log/mod.ts";
import type { Log } from "../../core/ports/log.ts";
import type { Random } from "../../core/ports/random.ts";
import type { Fed } from "../../core/runtime/start.ts";
import { seededRandom } from "../../core/time_source/seeded_random.ts";
import { VirtualClock } from "../../core/time_source/virtual_clock.ts";
import type { RunOptions } from "../run_options.ts";
import type { Topology } from "../topology.ts";
import { type Conditions, chanceFor, heartbeatMs, horizonMs, rebalanceTimeoutMs, sessionTimeoutMs } from "./conditions.ts";
import type { TimedFault } from "./faults.ts";
import { type Growth, growthPromise } from "./growth.ts";
import { History, type TaskRun } from "./history.ts";
import { instrument } from "./instrument.ts";
import { Ledger } from "./ledger.ts";
import { Lent } from "./lent_log.ts";
import { SimulatedProcess } from "./process.ts";
import type { RequestFault } from "./process_link.ts";
import { SimulatedStores } from "./simulated_stores.ts";
import { type TableTopic, tableTopics } from "./table_topics.ts";
import { Trace } from "./trace.ts";
import { TrickledInput } from "./trickled_input.ts";

export interface WorldOptions {
  readonly seed: number;
  readonly conditions: Conditions;
  /** The program, and where there is one its next version. */
  readonly versions: readonly Topology[];
  readonly instances: number;
  readonly input: readonly Fed[];
  readonly run: RunOptions;
  /** Only these faults happen, by their names. */
  readonly only: ReadonlySet<string> | undefined;
}

const violationsMax = 20;
const commitTimeoutMs = 15_000;
const refusals: ReadonlySet<string> = new Set([
  "TOPIC_CHANGED",
  "TOPIC_MISSING",
  "OFFSET_OUT_OF_RANGE",
  "PARTITIONS_DIFFER",
  "KEY_MISPLACED",
]);

/** A cluster of processes on virtual time, and everything that goes wrong in it. */
export class World {
  readonly clock: VirtualClock = new VirtualClock();
  readonly memory: MemoryLog;
  /** A way to the log on which nothing goes wrong. */
  readonly log: Log;
  readonly trace: Trace;
  readonly history: History;
  readonly ledger: Ledger;
  readonly stores: SimulatedStores;
  /** Of tables without a changelog. */
  readonly tableTopics: ReadonlyMap<string, TableTopic>;
  readonly violations: string[] = [];
  /** What happened, by name, in its order. */
  readonly injected: string[] = [];
  readonly processes: SimulatedProcess[] = [];
  /** A topic that was made anew, or has grown where that changes where keys lie: from then on instances have to refuse to go on. */
  refusal: string | undefined;
  /** An input topic that has got more partitions. */
  growth: Growth | undefined;
  readonly options: WorldOptions;
  readonly #pick: Random;
  readonly #input: TrickledInput;
  #started = 0;
  #awaited = 0;
  #version = 0;
  #calm = false;
  #slowMs = 0;
  #compacted = false;
  #ending = false;
  readonly #stopped: SimulatedProcess[] = [];

  constructor(options: WorldOptions) {
    this.options = options;
    const { seed, conditions } = options;
    const { markerDelayMs } = conditions;
    const markers = chanceFor(seed, "markers");
    this.#pick = chanceFor(seed, "pick");
    this.memory = memoryLog({
      clock: this.clock,
      random: chanceFor(seed, "log"),
      transactionVersion: conditions.transactionVersion,
      transactionCheckMs: conditions.transactionCheckMs,
      markerDelayMs: () => (markerDelayMs > 0 && markers.next() < 0.3 ? Math.floor(markers.next() * markerDelayMs) : 0),
      compactionBytes: conditions.compactionBytes,
    });
    this.log = this.memory.connect();
    this.#input = new TrickledInput({
      log: this.log,
      clock: this.clock,
      input: options.input,
      seed,
      isLive: !this.isBounded,
      isCalm: () => this.#calm,
    });
    this.trace = new Trace(() => this.clock.monotonic());
    this.history = new History(this.guarantee === "exactly-once", (what) => this.violated(what));
    this.ledger = new Ledger(this.history, (what) => this.violated(what));
    const { applicationId } = this;
    this.tableTopics = tableTopics(options.versions.map((version) => version.plan()));
    this.stores = new SimulatedStores(
      (store, partition) => this.memory.endOf(this.tableTopics.get(store)?.topic ?? `${applicationId}-${store}-changelog`, partition),
      (what) => this.violated(what),
    );
  }

  get applicationId(): string {
    return this.options.run.applicationId ?? this.options.versions[0]!.name;
  }

  get guarantee(): "exactly-once" | "at-least-once" | "none" {
    return this.options.run.guarantee ?? "exactly-once";
  }

  get alive(): readonly SimulatedProcess[] {
    return this.processes.filter(({ ended }) => !ended);
  }

  /** The run ends by itself. */
  get isBounded(): boolean {
    return this.options.conditions.fedBy === "app";
  }

  /** Nobody is there any more, and nobody will come. */
  get isOver(): boolean {
    return this.#awaited === 0 && this.alive.length === 0;
  }

  /** Older records may be gone from changelogs. */
  get compacts(): boolean {
    return this.options.conditions.compactionBytes !== Number.POSITIVE_INFINITY || this.#compacted;
  }

  violated(what: string): void {
    if (this.violations.length >= violationsMax || this.violations.includes(what)) return;
    this.violations.push(what);
    this.trace.tell(`VIOLATION ${what}`);
  }

  /** Lets faults happen until their time is over, and the input come in meanwhile. */
  async storm(): Promise<void> {
    const { conditions, instances, only } = this.options;
    for (let i = 0; i < instances; i++) this.clock.after(i === 0 ? 0 : this.#upTo(2_000), () => this.begin());
    for (const fault of conditions.timed)
      this.clock.after(fault.atMs, () => {
        if (only === undefined || only.has(fault.id)) this.#strike(fault);
      });
    const writing = conditions.fedBy === "outside" ? this.#input.write() : Promise.resolve();
    await this.clock.advance(horizonMs);
    this.#calm = true;
    for (const process of this.processes) {
      process.link.reconnect();
      process.resume();
    }
    if (this.growth !== undefined) await this.#comeAnew(this.growth);
    // A feed goes with the process that has begun last.
    if (this.isBounded || this.alive.every(({ closing }) => closing)) this.begin();
    await this.clock.complete(writing, 120_000);
  }

  /** Starts a process of the version of the moment. */
  begin(): SimulatedProcess {
    const { seed, conditions, versions } = this.options;
    const number = this.#started++;
    const version = this.#version;
    const name = `process ${number}`;
    const latency = chanceFor(seed, `latency ${number}`);
    const delays = chanceFor(seed, `delays ${number}`);
    const topology = versions[version]!;
    const instanceId = this.#freeName();
    const belongings = { lent: new Lent(), runs: new Set<TaskRun>() };
    const plan = instrument(topology.plan(), version, this.history, belongings);
    this.trace.tell(`${name} starts${version === 0 ? "" : ", with the next version of the program"}`);
    const process: SimulatedProcess = new SimulatedProcess({
      name,
      version,
      topology: { ...topology, plan: () => plan },
      world: this.clock,
      memory: this.memory,
      lookMs: this.#calm ? 0 : conditions.lookMs,
      stores: this.stores.engine(belongings.lent),
      belongings,
      link: {
        fault: (kind, request) => this.#requestFault(process, number, kind, request),
        latencyMs: () => (conditions.latencyMs === 0 ? 0 : 1 + latency.next() * conditions.latencyMs) + this.#slowMs,
        faultMs: () => 50 + delays.next() * 1_500,
        onDone: (kind, detail) => {
          this.trace.mix(kind);
          this.trace.mixMoment();
          this.ledger.done(kind, detail);
        },
      },
      instanceId,
      run: this.#runOptions(number, name, instanceId),
      onEnd: (ended, how, error) => this.#ended(ended, how, error),
    });
    this.processes.push(process);
    return process;
  }

  /** The first name that nobody alive has. */
  #freeName(): string | undefined {
    if (!this.options.conditions.named) return undefined;
    const taken = new Set(this.alive.map(({ instanceId }) => instanceId));
    for (let seat = 0; ; seat++) if (!taken.has(`seat-${seat}`)) return `seat-${seat}`;
  }

  #runOptions(number: number, name: string, instanceId: string | undefined): RunOptions {
    const { seed, conditions, run } = this.options;
    const bounded: RunOptions = this.isBounded
      ? { mode: "batch", feed: (written) => this.#input.from(written) }
      : { mode: this.#ending ? "batch" : "streaming" };
    return {
      applicationId: this.applicationId,
      commit: {
        interval: millis(conditions.commitIntervalMs),
        timeout: millis(Math.min(conditions.transactionTimeoutMs, commitTimeoutMs)),
      },
      group: { sessionTimeout: millis(sessionTimeoutMs), heartbeat: millis(heartbeatMs), rebalanceTimeout: millis(rebalanceTimeoutMs) },
      transactionTimeout: millis(conditions.transactionTimeoutMs),
      memory: conditions.memory,
      standbys: conditions.standbys,
      acceptableRecoveryLag: conditions.acceptableLag,
      probingRebalanceInterval: millis(conditions.probingMs),
      ...(instanceId !== undefined && { instanceId }),
      random: seededRandom(seed * 1_000 + number),
      ...bounded,
      freezeValues: true,
      ...run,
      logger: {
        log: (level, message, fields) => {
          if (level === "warn" || level === "error")
            this.trace.tell(`${name} says: ${message} ${fields === undefined ? "" : JSON.stringify(fields)}`);
          run.logger?.log(level, message, fields);
        },
      },
    };
  }

  /** A live run is over: who is there goes in good order, and one comes that ends with the input. */
  async beginEnding(): Promise<void> {
    this.#ending = true;
    const leaving = this.alive;
    for (const process of leaving) process.close();
    if (!(await this.clock.runUntil(() => leaving.every(({ ended }) => ended), 60_000)))
      this.violated(`I11: ${leaving.filter(({ ended }) => !ended).map(({ name }) => name)} did not close within a minute`);
    this.begin();
  }

  #ended(process: SimulatedProcess, ended: "crashed" | "stopped" | "failed", error: unknown): void {
    // A request of a process that is gone, which comes late, takes the seat from its successor: that one gives up and is started again.
    const how = this.options.conditions.named && isReplaced(error) ? "crashed" : ended;
    this.trace.tell(`${process.name} has ${how}${error === undefined ? "" : `: ${reason(error)}`}`);
    if (how === "failed" && !this.#isRefusal(error))
      this.violated(`A process failed by itself: ${error instanceof Error ? `${error.name} ` : ""}${reason(error)}`);
    if (how === "stopped") this.#stopped.push(process);
    // Somebody looks after processes that die.
    if (how !== "crashed") return;
    this.#awaited++;
    this.clock.after(this.#calm ? 100 : this.#upTo(5_000), () => {
      this.#awaited--;
      this.begin();
    });
  }

  #isRefusal(error: unknown): boolean {
    const refuses = this.refusal !== undefined || this.growth?.promise === "refuse-start";
    return refuses && error instanceof ConfigurationError && refusals.has(error.code);
  }

  /** Who has ended in good order must leave nothing behind; what it had asked for before has had the time to be answered. */
  checkLeftovers(): void {
    for (const { name, leftovers } of this.#stopped)
      if (leftovers.length > 0) this.violated(`I15: ${name} has ended and left ${leftovers.join(" and ")} behind`);
  }

  #requestFault(process: SimulatedProcess, number: number, kind: RequestKind, request: number): RequestFault | undefined {
    const { seed, conditions, only } = this.options;
    const { kinds, faults, rate } = conditions.requests;
    if (this.#calm || process.app === undefined || faults.length === 0 || !kinds.has(kind)) return undefined;
    const chance = chanceFor(seed, `${number} ${kind} ${request}`);
    if (chance.next() >= rate) return undefined;
    const fault = faults[Math.floor(chance.next() * faults.length)]!;
    const id = `process ${number} ${kind} ${request} ${fault}`;
    if (only !== undefined && !only.has(id)) return undefined;
    this.#happens(id);
    return fault;
  }

  #strike(fault: TimedFault): void {
    const { id, kind, forMs, whom } = fault;
    const candidates = this.alive.filter(({ closing, app }) => !closing && app !== undefined);
    const one = candidates[Math.floor(whom * candidates.length)];
    const { instances } = this.options;
    const on = (process: SimulatedProcess | undefined, what: (process: SimulatedProcess) => void): void => {
      if (process === undefined) return;
      this.#happens(`${id} (${process.name}${kind === "crash" || kind === "close" ? "" : `, ${Math.round(forMs)} ms`})`, id);
      what(process);
    };
    const world = (what: () => void): void => {
      this.#happens(`${id} (${Math.round(forMs)} ms)`, id);
      what();
    };
    switch (kind) {
      case "crash":
        return on(one, (process) => process.crash());
      case "pause":
        return on(one, (process) => {
          process.pause();
          this.clock.after(forMs, () => process.resume());
        });
      case "cut-off":
        return on(one, (process) => {
          process.link.disconnect();
          this.clock.after(forMs, () => process.link.reconnect());
        });
      case "clock-jump":
        return on(one, (process) => process.clock.jump(Math.round(forMs)));
      case "close":
        return on(candidates.length > 1 ? one : undefined, (process) => {
          process.close();
          if (candidates.length <= instances) this.#later(forMs, () => this.begin());
        });
      case "start":
        return candidates.length > instances ? undefined : world(() => this.begin());
      case "storm":
        return world(() => {
          for (let i = 0; i < 3; i++) this.#later((i * forMs) / 3, () => this.#restartOne());
        });
      case "group-coordinator-moves":
        return world(() => this.memory.moveCoordinator("group", forMs));
      case "transaction-coordinator-moves":
        return world(() => this.memory.moveCoordinator("transaction", forMs));
      case "leader-changes":
      case "too-few-replicas":
        return world(() => {
          for (const { topic, partition } of this.#somePartitions(whom))
            this.memory.leaderAway(topic, partition, forMs, kind === "leader-changes" ? "NOT_LEADER_OR_FOLLOWER" : "NOT_ENOUGH_REPLICAS");
        });
      case "slow-answers":
        return world(() => {
          this.#slowMs = 200;
          this.clock.after(forMs, () => {
            this.#slowMs = 0;
          });
        });
      case "compaction":
        return world(() => {
          this.#compacted = true;
          for (const topic of this.memory.topics()) this.memory.compact(topic);
        });
      case "topic-made-anew":
        return world(() => this.#makeAnew(whom));
      case "partition-added":
        // Who starts for the first time after it knows of nothing else.
        return this.refusal === undefined && candidates.some(({ app }) => app!.state === "running")
          ? world(() => this.#grow(whom))
          : undefined;
      case "upgrade":
        return world(() => this.#upgrade());
    }
  }

  /** Unless the time of faults is over by then. */
  #later(delayMs: number, what: () => void): void {
    this.clock.after(delayMs, () => {
      if (!this.#calm) what();
    });
  }

  #someInput(whom: number): string {
    const topics = [...new Set(this.options.input.map(({ topic }) => String(topic.name)))];
    return topics[Math.floor(whom * topics.length)]!;
  }

  /** The topic is empty afterwards, as if somebody had cleaned up. */
  #makeAnew(whom: number): void {
    const topic = this.#someInput(whom);
    this.refusal = topic;
    const partitions = this.memory.partitionsOf(topic).length;
    const again = async (): Promise<void> => {
      const config = Object.fromEntries(await this.log.admin.config(topic));
      await this.log.admin.delete([topic]);
      await this.log.admin.create([{ topic, partitions, replication: -1, config }]);
    };
    void again();
  }

  #grow(whom: number): void {
    const topic = this.#someInput(whom);
    const was = this.memory.partitionsOf(topic).length;
    this.growth = { topic, was, promise: growthPromise(this.options.versions[this.#version]!.plan(), topic) };
    if (this.growth.promise === "refuse") this.refusal = topic;
    void this.log.admin.addPartitions(topic, was + 1);
  }

  /** All instances are started again, one by one, since a topic has grown; or it is seen that none can be. */
  async #comeAnew({ topic, promise }: Growth): Promise<void> {
    if (promise === "refuse") return;
    if (promise === "refuse-start") this.refusal = topic;
    const before = this.alive;
    for (const process of before) {
      if (promise === "go-on") this.begin();
      await this.clock.advance(1_000);
      process.close();
    }
    await this.clock.runUntil(() => before.every(({ ended }) => ended), 60_000);
  }

  #restartOne(): void {
    const going = this.alive.find(({ closing, app }) => !closing && app !== undefined);
    this.begin();
    going?.close();
  }

  /** One process after the other is replaced by one of the next version. */
  #upgrade(): void {
    this.#version = 1;
    this.alive.forEach((process, i) => {
      this.#later(i * 800, () => {
        if (process.ended || process.closing) return;
        this.begin();
        process.close();
      });
    });
  }

  #somePartitions(whom: number): readonly { readonly topic: string; readonly partition: number }[] {
    const all = this.memory.topics().flatMap((topic) => this.memory.partitionsOf(topic).map((partition) => ({ topic, partition })));
    return all.filter((_, i) => (i * 0.618034 + whom) % 1 < 0.3);
  }

  #happens(words: string, id: string = words): void {
    this.injected.push(id);
    this.trace.tell(words);
  }

  #upTo(n: number): number {
    return Math.floor(this.#pick.next() * n);
  }
}

const isReplaced = (error: unknown): boolean => error instanceof ConfigurationError && error.code === "INSTANCE_REPLACED";
