import type { Timeout } from "../ports/clock.ts";
import type { GroupMember, GroupMetadata, MemberAssignment } from "../ports/log.ts";
import type { Metric } from "../ports/metrics.ts";
import { Announcement } from "./announcement.ts";
import { type Application, instanceName } from "./application.ts";
import type { Assignment, Owner } from "./assignment.ts";
import type { CommitCycle } from "./commit_cycle.ts";
import { Copies, copiesFor } from "./copies.ts";
import { Departed } from "./departed.ts";
import { assignableTasks, lead } from "./leader.ts";
import { Openings } from "./openings.ts";
import { pause } from "./pause.ts";
import type { KeptTask, TaskDirectory } from "./queries.ts";
import { Replicas } from "./replicas.ts";
import type { Task } from "./sealed_task.ts";
import { type RestoreProgress, StoreFollower } from "./store_follower.ts";
import { encodeSubscription, isComplete } from "./subscription.ts";
import { Summons } from "./summons.ts";
import type { TaskEnvironment } from "./task_environment.ts";
import { type TaskStores, taskOf } from "./task_stores.ts";
import { expulsion, understand } from "./understanding.ts";
import { newestVersion } from "./user_data.ts";

/** What this worker has from now on, by task id. */
export interface Assigned {
  readonly tasks: readonly string[];
  /** Tasks of others that it stands by for. */
  readonly standbys: readonly string[];
  /** Tasks that are to come here as soon as their state has. */
  readonly warmups: readonly string[];
}

export interface MembershipOptions {
  readonly application: Application;
  readonly environment: TaskEnvironment;
  /** Running tasks by id; this is what changes them. */
  readonly tasks: Map<string, Task>;
  readonly transactionalId: string;
  readonly commits: CommitCycle;
  readonly onState: (state: "rebalancing" | "running") => void;
  readonly onAssigned: (assigned: Assigned) => void;
  readonly onRestore: (progress: RestoreProgress) => void;
  readonly onFailure: (error: unknown) => void;
  readonly wake: () => void;
  /** Aborted when the worker is no more. */
  readonly signal: AbortSignal;
}

const protocol = "millrace-1";
/** So long after an assignment that leaves a task to nobody the group is asked to share anew. */
const unknownAgainMs = 10_000;
/** A rebalance waits at most so long for the commit before it, and never more than a third of the group's patience. */
const commitBeforeJoinMs = 10_000;

/**
 * A worker's place in the group: commits before it joins again, keeps the tasks that stay, lets go of those that do not, opens those that are new. A member that was expelled drops everything first: the group has given its tasks to others.
 */
export class Membership implements TaskDirectory {
  readonly #options: MembershipOptions;
  #member: GroupMember | undefined;
  /** Grows with everything that the group tells, so that an assignment that still waits for something knows that it is no longer the last word. */
  #word = 0;
  /** What tasks do is kept apart until the next assignment. */
  #held = false;
  /** Tasks were held without a commit before it: what they had done since the last one lies in the open part. */
  #unsealed = false;
  readonly #follower: StoreFollower;
  readonly #replicas: Replicas;
  readonly #copies: Copies;
  readonly #openings: Openings;
  readonly #departed: Departed;
  /** The stores of the tasks that run. */
  readonly #stores = new Map<string, TaskStores>();
  /** The form of user data in which this member speaks. */
  #speaks = newestVersion;
  /** As leader: when the group is to look again whether tasks can go where they belong. */
  #probe: Timeout | undefined;
  readonly #summons: Summons;
  /** Assigned, whether open already or not. */
  #assigned: readonly string[] = [];
  owners: readonly Owner[] = [];
  #stop = false;
  /** The tasks read other topics than before: with the next assignment they are opened anew. */
  #reopens = false;
  readonly #announcement: Announcement;
  /** In which this member was last told what it has. */
  #generation: number | undefined;
  stopRequested = false;

  constructor(options: MembershipOptions) {
    this.#options = options;
    const { application, environment, signal } = options;
    const { log, clock, logger, counters } = application;
    this.#follower = new StoreFollower({
      log,
      clock,
      logger,
      counters,
      fetchBytes: application.settings.restoreBytes,
      groupId: application.settings.applicationId,
      onProgress: options.onRestore,
    });
    this.#replicas = new Replicas({ application, follower: this.#follower, signal });
    this.#copies = new Copies({ application, replicas: this.#replicas, signal });
    this.#departed = new Departed(application, signal);
    this.#summons = new Summons(application);
    const { transactionalId, commits } = options;
    this.#announcement = new Announcement({ application, transactionalId, commits, departed: this.#departed, signal });
    this.#openings = new Openings({
      application,
      environment,
      follower: this.#follower,
      replicas: this.#replicas,
      departed: this.#departed,
      signal,
      onOpened: (task, stores) => this.#opened(task, stores),
      onDone: () => this.#settled(),
      onFailure: (error) => options.onFailure(error),
    });
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

  kept(id: string): KeptTask | undefined {
    const [task, stores] = [this.#options.tasks.get(id), this.#stores.get(id)];
    if (task !== undefined && stores !== undefined) return { task, stores, lag: 0, isWhole: task.hasTables };
    const followed = this.#replicas.kept(id);
    return followed === undefined ? undefined : { task: undefined, ...followed, isWhole: this.#copies.isWhole(id) };
  }

  isCopied(id: string): boolean {
    return this.#copies.isBegun(id);
  }

  isAssigned(id: string): boolean {
    return this.#assigned.includes(id);
  }

  join(): void {
    const { application } = this.#options;
    const { settings, log } = application;
    this.#options.onState("rebalancing");
    this.#summons.begin();
    this.#member = log.join({
      groupId: settings.applicationId,
      groupInstanceId: settings.groupInstanceId,
      protocols: [protocol],
      topics: [...new Set(assignableTasks(application).flatMap((task) => task.partitions.map((one) => one.topic)))],
      sessionTimeoutMs: settings.sessionTimeoutMs,
      rebalanceTimeoutMs: settings.rebalanceTimeoutMs,
      heartbeatMs: settings.heartbeatMs,
      subscription: () => this.#subscription(),
      assign: (members) => lead(application, this.#departed, members),
      onRebalance: (why) => (why === "lost" ? this.#lost() : this.#beforeRejoin()),
      onAssigned: (assignment, group) => this.#take(assignment, group),
      onError: (error) => this.#options.onFailure(expulsion(error, settings)),
    });
  }

  rejoin(): void {
    this.#member?.requestRejoin();
  }

  /** The application reads other topics than before. */
  renew(): void {
    this.#reopens = true;
    this.rejoin();
  }

  stopApplication(): void {
    this.#stop = true;
    this.rejoin();
  }

  /** Asks the group whether it rebalances: somebody says so. */
  checkIn(): void {
    this.#summons.heard();
    this.#member?.checkIn();
  }

  /** Once per watermark period: a task may have become ready to come here. */
  tick(): void {
    if (!this.#held && this.#replicas.hasWarmed(this.#options.application.settings.acceptableLag)) this.rejoin();
  }

  *gauges(): IterableIterator<Metric> {
    yield* this.#follower.gauges();
  }

  /** Read of changelogs and not in a store yet. */
  get restoringBytes(): number {
    return this.#follower.bufferedBytes;
  }

  /** @param silently the group is to wait for this instance, which will come back under its name */
  async leave(silently: boolean): Promise<void> {
    this.#over();
    if (silently) this.#member?.abandon();
    else await this.#member?.leave();
  }

  /** As a crash would: the group is not told, and nothing that is under way here has a consequence. */
  abandon(): void {
    this.#over();
    this.#member?.abandon();
  }

  /** Lets go of what is being opened, and of the stores that are kept for others. */
  async close(): Promise<void> {
    this.#over();
    // Both at once: what is being opened would otherwise be restored as soon as nobody restores any more, and become a task that nobody closes.
    await Promise.all([this.#openings.close(), this.#follower.close()]);
    await this.#replicas.close();
  }

  /** Whatever the group says from now on comes too late. */
  #over(): void {
    this.#word++;
    this.#probe?.cancel();
    this.#summons.end();
  }

  #subscription(): Uint8Array {
    const { application, transactionalId } = this.#options;
    const { settings, fingerprint, processId } = application;
    const stored = new Map([...this.#replicas.sums(), ...this.#openings.sums()]);
    for (const id of this.#stores.keys()) stored.set(id, isComplete);
    const subscription = {
      processId: instanceName(settings, processId),
      fingerprint,
      rack: settings.rack,
      transactionalIds: settings.guarantee === "exactly-once" ? [transactionalId] : [],
      tasks: this.#assigned,
      stored,
      stop: this.#stop,
      endpoint: settings.endpoint,
    };
    return encodeSubscription(subscription, this.#speaks);
  }

  /** The tasks are ours until this resolves: what they have done is committed, and what they do from then on is kept apart. */
  async #beforeRejoin(): Promise<void> {
    const word = ++this.#word;
    this.#options.onState("rebalancing");
    await this.#sealOff(word);
    if (word === this.#word) this.#summons.begin();
  }

  async #sealOff(word: number): Promise<void> {
    const { application, commits, onFailure, signal } = this.#options;
    const { settings, clock, logger } = application;
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
    this.#options.application.logger.log(
      "warn",
      "The group has expelled this member: what is not committed is taken back, and it joins again",
    );
    this.#over();
    await this.#giveAllUp();
  }

  /** Somebody else has the tasks, or has had them since: nothing that is open here is ours to commit. */
  async #giveAllUp(): Promise<void> {
    const { tasks, commits, application } = this.#options;
    this.#assigned = [];
    this.owners = [];
    this.#announcement.revoke();
    this.#generation = undefined;
    this.#reopens = false;
    commits.paused = true;
    this.#held = false;
    this.#unsealed = false;
    const gone = [...tasks.values()];
    tasks.clear();
    commits.drop();
    // What is in the stores was committed: it spares the way back, should the tasks be given to this member again. Without commits of offsets it would be counted twice.
    const isKept = application.settings.guarantee !== "none";
    const givenUp = this.#openings.giveUp(
      () => false,
      () => isKept,
    );
    for (const task of gone) await this.#close(task, isKept);
    await givenUp;
  }

  async #take(assignment: MemberAssignment, { generationId }: GroupMetadata): Promise<void> {
    const { application, tasks, commits, onAssigned } = this.#options;
    const { logger, clock } = application;
    this.#over();
    const word = this.#word;
    const told = this.#understood(assignment.userData);
    if (told === undefined) return;
    const missed = this.#hasMissed(generationId);
    if (missed) logger.log("info", "A generation of the group has passed without an answer for this member: its tasks are opened anew");
    if (missed || this.#reopens) await this.#giveAllUp();
    await this.#announcement.made();
    // The next generation has begun already; what this one would have changed here was not done, so it counts as missed.
    if (word !== this.#word) return;
    this.#generation = generationId;
    const ours = told.tasks.filter((id) => this.#isKnown(id));
    const wanted = new Set(ours);
    const followed = new Set([...told.standbys, ...told.warmups]);
    this.#assigned = ours;
    this.owners = told.owners;
    const gone = [...tasks.values()].filter((task) => !wanted.has(task.id));
    for (const task of gone) tasks.delete(task.id);
    if (this.#unsealed && gone.length > 0) commits.taint();
    this.#unsealed = false;
    this.#held = false;
    for (const task of tasks.values()) task.release();
    commits.paused = false;
    const givenUp = this.#openings.giveUp(
      (id) => wanted.has(id),
      (id) => followed.has(id),
    );
    for (const task of gone) await this.#close(task, followed.has(task.id));
    await givenUp;
    if (word !== this.#word) return;
    const fresh = ours.filter((id) => !tasks.has(id) && !this.#openings.has(id));
    onAssigned({ tasks: ours, standbys: told.standbys, warmups: told.warmups });
    logger.log("info", "Tasks were assigned", {
      tasks: ours.join(" "),
      standbys: [...followed].join(" "),
      opened: fresh.length,
      closed: gone.length,
    });
    this.#openings.begin(fresh, told.departed);
    const copies = copiesFor(application, ours, [...followed]);
    this.#replicas.assign(told.standbys, told.warmups, copies);
    this.#copies.assign(copies);
    const probeInMs = told.probeInMs > 0 ? told.probeInMs : this.#isComplete(told.owners) ? 0 : unknownAgainMs;
    if (probeInMs > 0) this.#probe = clock.after(probeInMs, () => this.rejoin());
    this.#settled();
    this.#options.wake();
    await clock.yield();
  }

  /** The leader may have heard before this member of a topic that matches a pattern, and that has more partitions than the others. */
  #isKnown(id: string): boolean {
    const { application } = this.#options;
    if (application.patterns === undefined) return true;
    const { plan, partition } = taskOf(application, id);
    if (partition < (application.tasks.get(plan.id) ?? 0)) return true;
    application.patterns.hint();
    return false;
  }

  /** Every task that this instance knows of is somebody's. A leader that was there before an input got another partition knows of fewer; and what it has said holds on when it comes back under its name, since the group then shares nothing anew. */
  #isComplete(owners: readonly Owner[]): boolean {
    const given = new Set(owners.flatMap(({ tasks }) => tasks));
    return assignableTasks(this.#options.application).every(({ id }) => given.has(id));
  }

  /**
   * A member that was overtaken by the next generation before it heard what it was given, or did as it was told, still has tasks that another may have run meanwhile, and that may come back to it (KIP-429 and KIP-792 are about the same for
   * partitions). Generations that a member takes part in follow on each other.
   */
  #hasMissed(generationId: number): boolean {
    return this.#generation !== undefined && generationId !== this.#generation && generationId !== this.#generation + 1;
  }

  /** What the leader says, or undefined when there is nothing to be done about tasks: then what has to be done was begun. */
  #understood(userData: Uint8Array): Assignment | undefined {
    const { application, onFailure, wake } = this.#options;
    const heard = understand(userData, this.#speaks, application.settings.applicationId);
    if (heard.kind === "refused") {
      onFailure(heard.error);
      return undefined;
    }
    this.#speaks = heard.speaks;
    if (heard.kind === "assigned") return heard.assignment;
    if (heard.kind === "speak-again") this.rejoin();
    else {
      application.logger.log("warn", "Another instance has asked the whole application to stop");
      this.stopRequested = true;
      wake();
    }
    return undefined;
  }

  /** @param keep its stores stay here, at what was committed */
  async #close(task: Task, keep: boolean): Promise<void> {
    const stores = this.#stores.get(task.id);
    this.#stores.delete(task.id);
    if (stores !== undefined) stores.kept = keep;
    await task.close();
    if (stores !== undefined && keep) this.#replicas.park(stores);
  }

  #opened(task: Task, stores: TaskStores): void {
    this.#options.tasks.set(task.id, task);
    this.#stores.set(task.id, stores);
    // The group may be sharing anew already, and the task may be somebody else's next.
    if (this.#held) task.hold();
    this.#options.wake();
  }

  #settled(): void {
    if (!this.#held && this.#openings.isEmpty) this.#options.onState("running");
  }
}
