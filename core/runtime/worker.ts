import { FatalError, type MillraceError, reason } from "../errors.ts";
import type { GroupMember, Outbox } from "../ports/log.ts";
import type { Metric } from "../ports/metrics.ts";
import { type Application, instanceName, workerTransactionalId } from "./application.ts";
import { Buffers, internalBytesOf } from "./buffers.ts";
import { CommitCycle } from "./commit_cycle.ts";
import { committerFor } from "./committer.ts";
import { workerTombstone } from "./control_topic.ts";
import { insist } from "./insist.ts";
import { type Assigned, Membership } from "./membership.ts";
import type { Plan } from "./plan.ts";
import { Purge } from "./purge.ts";
import type { TaskDirectory } from "./queries.ts";
import { Reader } from "./reader.ts";
import type { Task } from "./sealed_task.ts";
import { SiblingWatermarks } from "./sibling_watermarks.ts";
import { noteStops } from "./stop_note.ts";
import type { RestoreProgress } from "./store_follower.ts";
import type { TaskEnvironment } from "./task_environment.ts";
import { taskGauges } from "./task_gauges.ts";
import { noLimits } from "./topic_limits.ts";
import { Turns } from "./turns.ts";

/** What a worker tells its application. */
export interface WorkerEvents {
  state(state: "rebalancing" | "running"): void;
  restore(progress: RestoreProgress): void;
  commit(commit: { readonly records: number; readonly durationMs: number }): void;
  deadLetter(letter: { readonly topic: string; readonly error: MillraceError }): void;
  assigned(assigned: Assigned): void;
}

/**
 * One event loop's worth of tasks, with one group member, one reader and one committer: polls, lets tasks work in slices, commits. Everything between two awaits is synchronous, so group callbacks find the tasks between records.
 */
export class Worker {
  readonly #application: Application;
  readonly #tasks = new Map<string, Task>();
  readonly #siblings = new SiblingWatermarks();
  readonly #commits: CommitCycle;
  readonly #buffers: Buffers;
  readonly #reader: Reader;
  readonly #purge: Purge;
  readonly #turns: Turns;
  readonly #membership: Membership;
  readonly #transactionalId: string;
  /** Aborted by `kill`, and when the worker has ended: nothing may wait any more. */
  readonly #ended = new AbortController();
  /** What the tasks were opened by: when the application has another one, since other topics match its patterns, they are opened anew. */
  #plan: Plan;
  #stopping = false;
  #stays = false;
  /** Of the control topic, heard so far. */
  #calls: number;
  #failure: unknown;
  #wake: (() => void) | undefined;
  #woken = false;
  #nextTickMs = Number.NEGATIVE_INFINITY;

  constructor(application: Application, slot: number, events: WorkerEvents) {
    const { settings, log, names, plan, clock, bounded } = application;
    this.#application = application;
    this.#plan = plan;
    this.#calls = application.control.calls;
    this.#purge = new Purge(application);
    this.#turns = new Turns(clock, (records) => this.#buffers.look(records));
    this.#transactionalId = workerTransactionalId(settings.applicationId, instanceName(settings, application.processId), slot);
    const environment: TaskEnvironment = {
      clock,
      logger: application.logger,
      counters: application.counters,
      guarantee: settings.guarantee,
      bounded,
      watermarkIntervalMs: plan.watermarkIntervalMs,
      siblingsMatter: !bounded && plan.subtopologies.some((one) => one.inputs.some((input) => input.time?.idlenessMs !== undefined)),
      outbox: (): Outbox => this.#commits.outbox,
      topicName: (topic) => names.of(topic),
      partitionsOf: (topic) => application.partitions.get(topic) ?? 1,
      limitsOf: (topic) => application.limits.get(topic) ?? noLimits,
      canWrite: (topic) => application.topics.canWrite(topic),
      lookUp: (topic, step) => insist(() => application.topics.lookUp(topic, step), { clock, signal: this.#ended.signal }),
      tasksOf: (subtopology) => application.tasks.get(subtopology) ?? 0,
      controlTopic: names.control,
      watermarksTopic: names.watermarks,
      changelogTopic: (store) => names.changelog(store),
      generation: () => this.#membership.generation,
      requestCommit: () => this.#commits.request(),
      deadLettered: (topic, error) => events.deadLetter({ topic, error }),
      pendingBytesMax: () => this.#buffers.pendingShare,
      wake: () => this.wake(),
      siblingWatermark: (subtopology, partition) => this.#siblings.smallest(subtopology, partition),
    };
    this.#commits = new CommitCycle({
      application,
      committer: committerFor(settings.guarantee, {
        log,
        transactionalId: this.#transactionalId,
        transactionTimeoutMs: settings.transactionTimeoutMs,
      }),
      tag: `${application.processId.slice(0, 8)}-${slot}`,
      tasks: () => this.#tasks.values(),
      group: () => this.#membership.metadata,
      wake: () => this.wake(),
      onCommit: (records, durationMs) => events.commit({ records, durationMs }),
      onLost: () => this.#membership.rejoin(),
      signal: this.#ended.signal,
    });
    this.#reader = new Reader({
      application,
      siblings: this.#siblings,
      tasks: () => this.#tasks.values(),
      isCongested: () => this.#buffers.congested,
      wake: () => this.wake(),
    });
    this.#membership = new Membership({
      application,
      environment,
      tasks: this.#tasks,
      transactionalId: this.#transactionalId,
      commits: this.#commits,
      onState: (state) => events.state(state),
      onAssigned: (assigned) => events.assigned(assigned),
      onRestore: (progress) => events.restore(progress),
      onFailure: (error) => this.fail(error),
      wake: () => this.wake(),
      signal: this.#ended.signal,
    });
    this.#buffers = new Buffers({
      settings,
      tasks: () => this.#tasks.values(),
      undeliveredBytes: () => this.#reader.undeliveredBytes,
      commits: this.#commits,
      internalBytes: internalBytesOf(application),
      restoringBytes: () => this.#membership.restoringBytes,
      now: () => clock.monotonic(),
    });
  }

  /** Those that run, in their order. */
  get tasks(): readonly Task[] {
    return [...this.#tasks.values()].sort((a, b) => a.subtopology - b.subtopology || a.partition - b.partition);
  }

  /** How things stand at this moment, task by task. */
  *gauges(): IterableIterator<Metric> {
    yield { name: "tasks", tags: {}, value: this.#tasks.size };
    yield* this.#membership.gauges();
    yield { name: "stopped_tasks", tags: {}, value: this.tasks.filter(({ standsStill }) => standsStill).length };
    yield* this.#buffers.gauges();
    const nowMs = this.#application.clock.monotonic();
    for (const task of this.tasks) yield* taskGauges(task, nowMs);
  }

  get directory(): TaskDirectory {
    return this.#membership;
  }

  get member(): GroupMember | undefined {
    return this.#membership.member;
  }

  /** Works until `stop`, or until nothing is left to do in a bounded run; throws what cannot be mended here. */
  async run(): Promise<"stopped" | "finished"> {
    try {
      this.#membership.join();
      return await this.#loop();
    } catch (error) {
      this.#failure ??= error;
      throw error;
    } finally {
      await this.#close();
      this.#ended.abort();
    }
  }

  /**
   * Ends the loop; what is done is committed first.
   * @param stays the group is not told: this instance will come back under its name
   */
  stop(stays: boolean): void {
    this.#stopping = true;
    this.#stays = stays;
    this.wake();
  }

  /** The application as a whole is to stop: told to the leader by way of a rebalance. */
  stopApplication(): void {
    this.#membership.stopApplication();
  }

  /** Ends at once, commits nothing and does not leave the group: what a crash looks like from outside. */
  kill(): void {
    this.#membership.abandon();
    this.fail(new FatalError("APP_CLOSED", "The worker was killed"));
    this.#ended.abort();
  }

  pause(paused: boolean): void {
    this.#reader.paused = paused;
    this.wake();
  }

  wake(): void {
    this.#woken = true;
    this.#wake?.();
  }

  /** Ends the loop with an error; nothing more is committed. */
  fail(error: unknown): void {
    this.#failure ??= error;
    this.wake();
  }

  async #loop(): Promise<"stopped" | "finished"> {
    const { clock, bounded } = this.#application;
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#membership.stopRequested || this.#stopping) return "stopped";
      if (bounded && this.#allFinished() && this.#commits.isIdle) return "finished";
      this.#reader.deliver();
      this.#buffers.measure();
      this.#listen();
      this.#tick();
      const worked = this.#work();
      this.#catchUpBeforeCommit();
      await this.#commits.step();
      // What was committed is in the cache now.
      this.#buffers.settle();
      this.#reader.request();
      if (worked) await clock.yield();
      else await this.#rest();
    }
  }

  /** One slice for all tasks; true when there is more to do at once. */
  #work(): boolean {
    if (this.#isHeldUp) return false;
    return this.#turns.work(this.#tasks.values());
  }

  #catchUpBeforeCommit(): void {
    if (!this.#isHeldUp && this.#application.clock.monotonic() >= this.#commits.dueMs) this.#turns.catchUp(this.#tasks.values());
  }

  /** Paused by the user, or too much is uncommitted. */
  get #isHeldUp(): boolean {
    return this.#reader.paused || this.#buffers.isBlocked;
  }

  /** Somebody has come, or has gone, or is about to let go of a task: the sooner all are together, the sooner everybody commits again. */
  #listen(): void {
    const { calls } = this.#application.control;
    if (calls === this.#calls) return;
    this.#calls = calls;
    this.#membership.checkIn();
  }

  #tick(): void {
    const nowMs = this.#application.clock.monotonic();
    if (nowMs < this.#nextTickMs) return;
    this.#nextTickMs = nowMs + this.#application.settings.watermarkPeriodMs;
    this.#membership.tick();
    this.#reader.checkEnds();
    this.#reader.checkIdleness(nowMs);
    for (const task of this.#tasks.values()) task.tick();
    this.#reader.align();
    this.#purge.step([...this.#tasks.values()]);
    this.#application.topics.watch((error) => this.fail(error));
    this.#application.patterns?.watch((error) => this.fail(error));
    if (this.#application.plan !== this.#plan) {
      this.#plan = this.#application.plan;
      this.#membership.renew();
    }
  }

  /** Until something arrives, or something is due. */
  async #rest(): Promise<void> {
    if (this.#woken) {
      this.#woken = false;
      return;
    }
    const { clock } = this.#application;
    const nowMs = clock.monotonic();
    let dueMs = Math.min(this.#nextTickMs, this.#commits.wakeMs);
    const now = clock.now();
    // Tasks that may not work have nothing to wake up for, however long it has been due.
    if (!this.#isHeldUp)
      for (const task of this.#tasks.values()) {
        dueMs = Math.min(dueMs, nowMs + (task.nextWakeMs() - now));
        for (const input of task.inputs) if (input.notBeforeMs > nowMs) dueMs = Math.min(dueMs, input.notBeforeMs);
      }
    await new Promise<void>((resolve) => {
      const timeout = clock.after(Math.max(0, dueMs - nowMs), resolve);
      this.#wake = () => {
        timeout.cancel();
        resolve();
      };
    });
    this.#wake = undefined;
    this.#woken = false;
  }

  /** The next instance is to know which record has stopped this one. What was under way is ended first, so that the note does not go back behind it. */
  async #noteStops(): Promise<void> {
    const tasks = [...this.#tasks.values()];
    if (!tasks.some(({ inputs }) => inputs.some(({ stopsNoted }) => stopsNoted))) return;
    await this.#commits.abandon();
    await noteStops(this.#application, tasks, this.#membership.metadata);
  }

  #allFinished(): boolean {
    const { control } = this.#application;
    for (const [subtopology, tasks] of this.#application.tasks)
      for (let partition = 0; partition < tasks; partition++) if (!control.finished.has(`${subtopology}_${partition}`)) return false;
    return true;
  }

  async #close(): Promise<void> {
    const { log, clock, logger, control } = this.#application;
    const { signal } = this.#ended;
    const killed = new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener("abort", () => resolve())));
    const quietly = async (what: string, close: () => Promise<void>): Promise<void> => {
      try {
        // Who is killed waits for nothing any more.
        await Promise.race([close(), killed]);
      } catch (error) {
        logger.log("warn", `Closing went on although ${what} failed`, { reason: reason(error) });
      }
    };
    const wasKilled = (): boolean => this.#failure instanceof FatalError && this.#failure.code === "APP_CLOSED";
    if (this.#failure === undefined) await quietly("the last commit", () => this.#commits.finish());
    else if (!wasKilled()) await quietly("the note of what stopped it", () => this.#noteStops());
    await quietly("the reader", () => this.#reader.close());
    if (!wasKilled()) await quietly("leaving the group", () => this.#membership.leave(this.#stays));
    if (!wasKilled())
      await quietly("the farewell", async () => {
        await this.#commits.abandon();
        // From here on nobody has to end what this worker has left open, or even to ask whether there is something; and the others, who read this at once, need not wait for a heartbeat to hear that it has left.
        await control.write(log, null, [workerTombstone(this.#transactionalId)], clock);
      });
    await quietly("what was being opened", () => this.#membership.close());
    await quietly("the producer", () => this.#commits.close());
    for (const task of this.#tasks.values()) await quietly(`task ${task.id}`, () => task.close());
    this.#tasks.clear();
  }
}
