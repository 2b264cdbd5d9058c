import { FatalError, reason, TopologyError } from "../errors.ts";
import type { GroupMember, GroupMetadata, MemberAssignment, MemberSubscription, TopicPartition } from "../ports/log.ts";
import type { Application } from "./application.ts";
import { type AssignableTask, assignMembers, decodeAssignment, encodeSubscription } from "./assignment.ts";
import type { CommitCycle } from "./commit_cycle.ts";
import { ControlTopic, workerRecord, workerTombstone } from "./control_topic.ts";
import { insist, isPassing } from "./insist.ts";
import { pause } from "./pause.ts";
import type { RestoreProgress } from "./restore.ts";
import type { Task } from "./sealed_task.ts";
import type { TaskEnvironment } from "./task_environment.ts";
import { openTasks } from "./task_opening.ts";

export interface MembershipOptions {
  readonly application: Application;
  readonly environment: TaskEnvironment;
  /** Running tasks by id; this is what changes them. */
  readonly tasks: Map<string, Task>;
  readonly transactionalId: string;
  readonly commits: CommitCycle;
  readonly onState: (state: "rebalancing" | "running") => void;
  readonly onAssigned: (tasks: readonly string[]) => void;
  readonly onRestore: (progress: RestoreProgress) => void;
  readonly onFailure: (error: unknown) => void;
  readonly wake: () => void;
  /** Aborted when the worker is no more. */
  readonly signal: AbortSignal;
}

const protocol = "millrace-1";
/** A rebalance waits at most so long for the commit before it, and never more than a third of the group's patience. */
const commitBeforeJoinMs = 10_000;
/** A departed worker that cannot be fenced after so many tries is left to the broker's timeout. */
const fenceTriesMax = 5;

/**
 * A worker's place in the group: commits before it joins again, keeps the tasks that stay, lets go of those that do not, opens those that are new. A member that was expelled drops everything first: the group has given its tasks to others.
 */
export class Membership {
  readonly #options: MembershipOptions;
  #member: GroupMember | undefined;
  /** Grows with each assignment, so that an opening that is overtaken knows it. */
  #round = 0;
  /** Grows with everything that the group tells, so that an assignment that still waits for something knows that it is no longer the last word. */
  #word = 0;
  /** What tasks do is kept apart until the next assignment. */
  #held = false;
  /** Tasks were held without a commit before it: what they had done since the last one lies in the open part. */
  #unsealed = false;
  #opening: Promise<void> = Promise.resolve();
  /** Assigned, whether open already or not. */
  #assigned: readonly string[] = [];
  #stop = false;
  #announced: Promise<void> | undefined;
  /** Read uncommitted: workers are written outside transactions, and one that has left a transaction open must not hide itself. */
  readonly #workers: ControlTopic;
  stopRequested = false;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#workers = new ControlTopic(options.application.names.control, "read-uncommitted");
  }

  get member(): GroupMember | undefined {
    return this.#member;
  }

  get generation(): number {
    return Math.max(0, this.#member?.metadata.generationId ?? 0);
  }

  get metadata(): GroupMetadata {
    return (
      this.#member?.metadata ?? {
        groupId: this.#options.application.settings.applicationId,
        generationId: -1,
        memberId: "",
        groupInstanceId: null,
      }
    );
  }

  join(): void {
    const { application } = this.#options;
    const { settings, log } = application;
    this.#options.onState("rebalancing");
    this.#member = log.join({
      groupId: settings.applicationId,
      groupInstanceId: settings.groupInstanceId,
      protocols: [protocol],
      topics: [...new Set(this.#allTasks().flatMap((task) => task.partitions.map((one) => one.topic)))],
      sessionTimeoutMs: settings.sessionTimeoutMs,
      rebalanceTimeoutMs: settings.rebalanceTimeoutMs,
      heartbeatMs: settings.heartbeatMs,
      subscription: () =>
        encodeSubscription({
          version: 1,
          processId: application.processId,
          fingerprint: application.fingerprint,
          transactionalIds: settings.guarantee === "exactly-once" ? [this.#options.transactionalId] : [],
          tasks: this.#assigned,
          stop: this.#stop,
        }),
      assign: (members) => this.#assign(members),
      onRebalance: (why) => (why === "lost" ? this.#lost() : this.#beforeRejoin()),
      onAssigned: (assignment, group) => this.#take(assignment, group),
      onError: (error) => this.#options.onFailure(error),
    });
  }

  rejoin(): void {
    this.#member?.requestRejoin();
  }

  stopApplication(): void {
    this.#stop = true;
    this.rejoin();
  }

  async leave(): Promise<void> {
    this.#round++;
    this.#word++;
    await this.#opening;
    await this.#member?.leave();
  }

  /** As a crash would: the group is not told, and nothing that is under way here has a consequence. */
  abandon(): void {
    this.#round++;
    this.#word++;
    this.#member?.abandon();
  }

  #allTasks(): readonly AssignableTask[] {
    const { plan, tasks, partitions, names } = this.#options.application;
    return plan.subtopologies.flatMap((subtopology) =>
      Array.from({ length: tasks.get(subtopology.id) ?? 0 }, (_, partition) => ({
        id: `${subtopology.id}_${partition}`,
        subtopology: subtopology.id,
        partitions: subtopology.inputs
          .map((input): TopicPartition => ({ topic: names.of(input.topic), partition }))
          .filter((one) => partition < (partitions.get(one.topic) ?? 0)),
      })),
    );
  }

  async #assign(members: readonly MemberSubscription[]): Promise<ReadonlyMap<string, MemberAssignment>> {
    const { application } = this.#options;
    // Only a worker that was not heard of anywhere else has to be looked up: the log remembers those whose leader died with them.
    await this.#patiently(() => this.#workers.readToEnd(application.log), "Departed workers cannot be looked up yet");
    return assignMembers(this.#allTasks(), members, this.#workers.workers, application.fingerprint);
  }

  /** The tasks are ours until this resolves: what they have done is committed, and what they do from then on is kept apart. */
  async #beforeRejoin(): Promise<void> {
    const { application, commits, onState, onFailure, signal } = this.#options;
    const { settings, clock, logger } = application;
    const word = ++this.#word;
    onState("rebalancing");
    // Held from a rebalance before, which ended without an assignment: nothing was done since that could be committed.
    if (this.#held) return;
    const done = new AbortController();
    const committed = commits.now({ mayBegin: () => word === this.#word && !this.#held, afterSeal: () => this.#hold() });
    const limitMs = Math.min(commitBeforeJoinMs, settings.rebalanceTimeoutMs / 3);
    await Promise.race([committed.catch(onFailure), pause(clock, limitMs, AbortSignal.any([signal, done.signal]))]);
    done.abort();
    if (this.#held || word !== this.#word) return;
    logger.log("info", "What was under way could not be committed before the rebalance");
    this.#unsealed = true;
    this.#hold();
  }

  #hold(): void {
    this.#held = true;
    this.#options.commits.paused = true;
    for (const task of this.#options.tasks.values()) task.hold();
  }

  async #lost(): Promise<void> {
    const { tasks, commits, application } = this.#options;
    application.logger.log("warn", "The group has expelled this member: what is not committed is taken back, and it joins again");
    this.#round++;
    this.#word++;
    this.#assigned = [];
    this.#announced = undefined;
    commits.paused = true;
    this.#held = false;
    this.#unsealed = false;
    const gone = [...tasks.values()];
    tasks.clear();
    commits.drop();
    for (const task of gone) await task.close();
  }

  async #take(assignment: MemberAssignment, _group: GroupMetadata): Promise<void> {
    const { application, tasks, commits, onState, onAssigned, onFailure } = this.#options;
    const { logger, clock } = application;
    const word = ++this.#word;
    const decoded = decodeAssignment(assignment.userData);
    if (decoded === undefined)
      return onFailure(
        new FatalError(
          "INTERNAL",
          `The leader of group '${application.settings.applicationId}' sent an assignment that cannot be read: do all instances run this library?`,
        ),
      );
    if (decoded.error === "topology-differs")
      return onFailure(
        new TopologyError(
          "TOPOLOGY_CHANGED",
          `Other instances of application '${application.settings.applicationId}' run another topology (${decoded.detail}): stop them first, or give this program another applicationId`,
        ),
      );
    if (decoded.error === "stop") {
      logger.log("warn", "Another instance has asked the whole application to stop");
      this.stopRequested = true;
      return this.#options.wake();
    }
    await this.#known();
    if (word !== this.#word) return;
    const round = ++this.#round;
    const wanted = new Set(decoded.tasks);
    this.#assigned = decoded.tasks;
    const gone = [...tasks.values()].filter((task) => !wanted.has(task.id));
    for (const task of gone) tasks.delete(task.id);
    if (this.#unsealed && gone.length > 0) commits.taint();
    this.#unsealed = false;
    this.#held = false;
    for (const task of tasks.values()) task.release();
    commits.paused = false;
    for (const task of gone) await task.close();
    if (word !== this.#word) return;
    const fresh = decoded.tasks.filter((id) => !tasks.has(id));
    onAssigned(decoded.tasks);
    logger.log("info", "Tasks were assigned", { tasks: decoded.tasks.join(" "), opened: fresh.length, closed: gone.length });
    this.#opening = this.#opening
      .then(() => this.#open(round, fresh, decoded.departed))
      .catch((error: unknown) => {
        if (round === this.#round) onFailure(error);
        else logger.log("debug", "An opening was overtaken by a rebalance", { reason: reason(error) });
      });
    if (fresh.length === 0) onState("running");
    this.#options.wake();
    await clock.yield();
  }

  async #known(): Promise<void> {
    const announced = (this.#announced ??= this.#announce());
    try {
      await announced;
    } catch (error) {
      if (this.#announced === announced) this.#announced = undefined;
      throw error;
    }
  }

  /** Makes the worker known before its first transaction, and opens its epoch. In that order: what nobody knows of, nobody ends. */
  async #announce(): Promise<void> {
    const { application, transactionalId, commits } = this.#options;
    const { settings, log, clock, control, logger, announcements } = application;
    const worker = settings.guarantee === "exactly-once" ? [workerRecord(transactionalId)] : [];
    const news = [...worker, ...announcements];
    if (news.length > 0) await this.#patiently(() => control.write(log, null, news, clock), "The worker cannot be announced yet");
    await this.#patiently(() => commits.open(), "An epoch cannot be opened yet");
    logger.log("info", "A worker begins", { transactionalId });
  }

  async #open(round: number, ids: readonly string[], departed: readonly string[]): Promise<void> {
    const { application, environment, tasks, onState, onRestore, signal } = this.#options;
    if (round !== this.#round || ids.length === 0) return;
    await this.#fence(departed);
    for (let tries = 0; round === this.#round; tries++)
      try {
        const opened = await openTasks(application, environment, ids, { isCancelled: () => round !== this.#round, onRestore });
        if (round !== this.#round) {
          for (const task of opened) await task.close();
          return;
        }
        for (const task of opened) {
          tasks.set(task.id, task);
          // The group may be sharing anew already, and the task may be somebody else's next.
          if (this.#held) task.hold();
        }
        if (!this.#held) onState("running");
        this.#options.wake();
        return;
      } catch (error) {
        // A broker that is away for a while is no reason to give the tasks up; other tasks go on meanwhile.
        if (!isPassing(error)) throw error;
        application.logger.log("warn", "Tasks could not be opened yet", { reason: error.message });
        await pause(application.clock, Math.min(1000 * 2 ** tries, 60_000), signal);
      }
  }

  #patiently<T>(attempt: () => Promise<T>, complaint: string, triesMax?: number): Promise<T> {
    const { application, signal } = this.#options;
    return insist(attempt, {
      clock: application.clock,
      signal,
      ...(triesMax === undefined ? {} : { triesMax }),
      onFailure: ({ message }) => application.logger.log("warn", complaint, { reason: message }),
    });
  }

  /** Ends what departed workers left open, so that nobody waits for the broker's timeout. Harmless when several do it. */
  async #fence(departed: readonly string[]): Promise<void> {
    const { log, settings, logger, clock, control } = this.#options.application;
    for (const transactionalId of departed)
      try {
        const state = (await log.admin.transactionStates([transactionalId])).get(transactionalId);
        const fenced = () => log.producer({ transactionalId, transactionTimeoutMs: settings.transactionTimeoutMs });
        const producer = await this.#patiently(fenced, "A departed worker cannot be fenced yet", fenceTriesMax);
        await producer.close();
        logger.log(
          "info",
          state === "open"
            ? "A departed worker had left a transaction open: it was aborted"
            : "A departed worker was fenced: it had no transaction open",
          { transactionalId },
        );
        await control.write(log, null, [workerTombstone(transactionalId)], clock);
      } catch (error) {
        logger.log("warn", "The transaction of a departed worker could not be ended: the broker's timeout will", {
          transactionalId,
          reason: reason(error),
        });
      }
  }
}
