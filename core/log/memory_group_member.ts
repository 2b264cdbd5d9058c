import { type Clock, sleep, type Timeout } from "../ports/clock.ts";
import {
  type GroupMember,
  type GroupMetadata,
  type GroupOptions,
  LogError,
  type LogErrorCode,
  type MemberAssignment,
  type MemberSubscription,
} from "../ports/log.ts";
import { logError } from "./disposition.ts";
import { type JoinAnswer, type Joined, type MemberIdentity, type Pending, pending } from "./group_requests.ts";
import type { Link } from "./link.ts";
import type { MemoryBroker } from "./memory_broker.ts";

/** Between two tries when a request got lost. */
const pauseMs = 100;
const leaveTries = 3;

const has = (error: unknown, codes: readonly LogErrorCode[]): boolean => error instanceof LogError && codes.includes(error.code);
/** The group has gone on without this member. */
/** How much longer than a rebalance a request may take. */
const slackMs = 5_000;
const isLost = (error: unknown): boolean => has(error, ["UNKNOWN_MEMBER_ID", "ILLEGAL_GENERATION"]);
const isRebalance = (error: unknown): boolean => has(error, ["REBALANCE_IN_PROGRESS"]);
const passes = (error: unknown): boolean => error instanceof LogError && ["retriable", "indefinite"].includes(error.disposition);

/**
 * A member of a group on the log in memory: joins, syncs, and beats from a timer until the group wants to rebalance, this member asks for it, or it was expelled;
 * then begins again.
 */
export class MemoryGroupMember implements GroupMember {
  private readonly broker: MemoryBroker;
  private readonly clock: Clock;
  private readonly link: Link;
  private readonly options: GroupOptions;
  private readonly onEnd: (member: GroupMember) => void;
  private current: GroupMetadata;
  private memberId = "";
  private joins = 0;
  private stopped = false;
  /** True while this member has an assignment of which it was not told that it is lost. */
  private holds = false;
  private rejoinAsked = false;
  private asking: Promise<JoinAnswer> | null = null;
  /** How the generation that this member is in will end for it. */
  private ending: Pending<"rejoin" | "lost"> = pending();
  /** Why the group has gone on without this member, if it has. */
  private expelled: unknown = null;
  private beat: Timeout | null = null;
  private patience: Timeout | null = null;
  /** Brings the next beat forward, while one is waited for. */
  private beatNow: (() => void) | null = null;

  constructor(broker: MemoryBroker, link: Link, clock: Clock, options: GroupOptions, onEnd: (member: GroupMember) => void) {
    this.broker = broker;
    this.clock = clock;
    this.link = link;
    this.options = options;
    this.onEnd = onEnd;
    this.current = { groupId: options.groupId, generationId: -1, memberId: "", groupInstanceId: options.groupInstanceId ?? null };
    void this.attend();
  }

  get metadata(): GroupMetadata {
    return this.current;
  }

  requestRejoin(): void {
    this.rejoinAsked = true;
    this.ending.resolve("rejoin");
  }

  checkIn(): void {
    this.beatNow?.();
  }

  async leave(): Promise<void> {
    if (this.stopped) return;
    this.stop();
    if (this.memberId !== "") await this.sendLeave(this.memberId);
    // Who has asked for an id and does not know it yet waits for it, or the group would wait for that id.
    else if (this.asking !== null) await this.asking.then(({ memberId }) => this.sendLeave(memberId)).catch(() => undefined);
  }

  abandon(): void {
    this.stop();
  }

  private stop(): void {
    this.stopped = true;
    this.beat?.cancel();
    this.patience?.cancel();
    this.beatNow = null;
    this.ending.resolve("lost");
    this.onEnd(this);
  }

  private async attend(): Promise<void> {
    try {
      while (!this.stopped) await this.attendGeneration();
    } catch (error) {
      if (this.stopped) return;
      await this.leave();
      this.options.onError(
        error instanceof LogError
          ? error
          : logError("UNKNOWN", `A callback of group '${this.options.groupId}' failed, so this member has left`, { cause: error }),
      );
    }
  }

  private async attendGeneration(): Promise<void> {
    const joined = await this.join();
    if (joined === null) return;
    this.ending = pending();
    // A heart that fails before anybody waits for the end is heard of when the next request meets the same.
    this.ending.promise.catch(() => {});
    this.expelled = null;
    // The leader's assignment may take its time: the session must not end over it.
    this.startBeating(joined.generationId, this.ending);
    const assignment = await this.sync(joined);
    if (assignment === null || this.stopped) return;
    this.current = { ...this.current, generationId: joined.generationId, memberId: joined.memberId };
    this.holds = true;
    const assigned = this.assigned(assignment, this.ending);
    if (this.rejoinAsked) this.ending.resolve("rejoin");
    const reason = await this.ending.promise;
    if (this.stopped) return;
    // The heart beats on meanwhile: until this promise resolves, what the member holds is its own.
    if (reason === "rejoin") await this.options.onRebalance("rejoin");
    await assigned.failure();
    this.beat?.cancel();
    this.beatNow = null;
    if (this.expelled !== null) await this.lose(this.expelled);
  }

  /** Calls back without waiting: a rebalance may come while the member is still opening what it got. A failure ends the membership, now or when it is next looked for. */
  private assigned(assignment: MemberAssignment, ending: Pending<"rejoin" | "lost">): { failure(): Promise<void> } {
    let failed: { readonly error: unknown } | null = null;
    const call = async (): Promise<void> => this.options.onAssigned(assignment, this.current);
    call().catch((error: unknown) => {
      failed = { error };
      ending.reject(error);
    });
    return {
      failure: async () => {
        if (failed !== null) throw failed.error;
      },
    };
  }

  /** Joins until there is an answer for a generation; null when it was stopped. */
  private async join(): Promise<Joined | null> {
    const { protocols, sessionTimeoutMs, rebalanceTimeoutMs } = this.options;
    while (!this.stopped) {
      this.rejoinAsked = false;
      const userData = numbered(this.options.subscription(), this.joins++);
      const offered = protocols.map((name) => [name, userData] as const);
      const request = { ...this.identity(), protocols: offered, sessionTimeoutMs, rebalanceTimeoutMs };
      try {
        this.asking = this.link.request("JoinGroup", { ...request }, () => this.broker.groups.join(request));
        const answer = await this.answered(this.asking);
        if (this.stopped) return null;
        this.memberId = answer.memberId;
        if (answer.kind === "joined") return answer;
      } catch (error) {
        if (passes(error)) await sleep(this.clock, pauseMs);
        else if (isLost(error)) await this.lose(error);
        else throw error;
      } finally {
        this.asking = null;
      }
    }
    return null;
  }

  /** A request that waits for others is not answered at all when an older one of this member arrives after it: so it is given up after the time that a rebalance may take, and asked again. */
  private answered<T>(asked: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const patienceMs = this.options.rebalanceTimeoutMs + slackMs;
      const patience = this.clock.after(patienceMs, () =>
        reject(logError("REQUEST_TIMED_OUT", `The coordinator of group '${this.options.groupId}' has not answered for ${patienceMs} ms`)),
      );
      this.patience = patience;
      asked.then(resolve, reject).finally(() => patience.cancel());
    });
  }

  /** Null when the generation was over before it began for this member. */
  private async sync(joined: Joined): Promise<MemberAssignment | null> {
    const leads = joined.leaderId === joined.memberId;
    const assignments = leads ? copied(await this.options.assign(joined.members.map(unnumbered))) : null;
    const request = { ...this.identity(), generationId: joined.generationId, assignments };
    while (!this.stopped)
      try {
        return await this.answered(this.link.request("SyncGroup", { ...request }, () => this.broker.groups.sync(request)));
      } catch (error) {
        if (isLost(error)) await this.lose(error);
        else if (!passes(error) && !isRebalance(error)) throw error;
        if (!passes(error)) return null;
        await sleep(this.clock, pauseMs);
      }
    return null;
  }

  private startBeating(generationId: number, ending: Pending<"rejoin" | "lost">): void {
    this.beat?.cancel();
    this.beatNow = null;
    const request = { ...this.identity(), generationId };
    const send = async (): Promise<void> => {
      try {
        await this.link.request("Heartbeat", { ...request }, () => this.broker.groups.heartbeat(request));
      } catch (error) {
        if (isRebalance(error)) ending.resolve("rejoin");
        else if (isLost(error)) {
          if (this.ending === ending && this.asking === null) this.expelled = error;
          ending.resolve("lost");
          return;
        } else if (!passes(error)) return ending.reject(error);
      }
      // While it joins again the group expects no beat; the next generation has its own.
      if (!this.stopped && this.ending === ending && this.asking === null) again();
    };
    const again = (): void => {
      const beat = this.clock.after(this.options.heartbeatMs, () => {
        this.beatNow = null;
        void send();
      });
      this.beat = beat;
      this.beatNow = () => {
        this.beatNow = null;
        beat.cancel();
        void send();
      };
    };
    again();
  }

  /** What it held is no longer its own. It comes back as a new member, unless the group still knows it and has only begun another generation. */
  private async lose(why: unknown): Promise<void> {
    if (!has(why, ["ILLEGAL_GENERATION"])) this.memberId = "";
    if (!this.holds || this.stopped) return;
    this.holds = false;
    await this.options.onRebalance("lost");
  }

  private async sendLeave(memberId: string): Promise<void> {
    const request = { ...this.identity(), memberId };
    for (let tries = 0; tries < leaveTries; tries++)
      try {
        return await this.link.request("LeaveGroup", { ...request }, () => this.broker.groups.leave(request));
      } catch (error) {
        // Who is not known any more has left.
        if (!passes(error)) return;
        await sleep(this.clock, pauseMs);
      }
  }

  private identity(): MemberIdentity {
    return { groupId: this.options.groupId, memberId: this.memberId, groupInstanceId: this.current.groupInstanceId };
  }
}

const copied = (assignments: ReadonlyMap<string, MemberAssignment>): ReadonlyMap<string, MemberAssignment> =>
  new Map(
    [...assignments].map(([memberId, { partitions, userData }]) => [memberId, { partitions: [...partitions], userData: userData.slice() }]),
  );

/** A group begins no generation for a member that says the same as before; so each time it says as well the how manieth this is. */
const numbered = (userData: Uint8Array, joins: number): Uint8Array => {
  const said = new Uint8Array(userData.length + 4);
  said.set(userData);
  new DataView(said.buffer).setInt32(userData.length, joins);
  return said;
};

const unnumbered = (member: MemberSubscription): MemberSubscription => ({ ...member, userData: member.userData.subarray(0, -4) });
