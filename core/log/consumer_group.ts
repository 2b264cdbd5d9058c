import type { Clock, Timeout } from "../ports/clock.ts";
import type { GroupMetadata, MemberAssignment, MemberSubscription } from "../ports/log.ts";
import { logError } from "./disposition.ts";
import {
  type HeartbeatRequest,
  type JoinAnswer,
  type Joined,
  type JoinRequest,
  type MemberIdentity,
  type Pending,
  pending,
  type SyncRequest,
} from "./group_requests.ts";

interface Member {
  readonly id: string;
  readonly instanceId: string | null;
  protocols: ReadonlyMap<string, Uint8Array>;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  /** The unanswered JoinGroup: the member waits for the others. */
  joining: Pending<JoinAnswer> | null;
  /** The unanswered SyncGroup: the member waits for the leader. */
  syncing: Pending<MemberAssignment> | null;
  /** True from a generation's beginning until the member has asked for its assignment. */
  owesSync: boolean;
  assignment: MemberAssignment;
  seenMs: number;
  session: Timeout | null;
}

/** A generation as the coordinator has written it down: when its leader has said who gets what, or when it has nobody. */
interface Recorded {
  readonly generation: number;
  readonly protocol: string;
  readonly leaderId: string;
  readonly members: readonly Member[];
}

/**
 * - "empty": nobody is here.
 * - "preparing": members are asked to join again; commits of the old generation are still taken.
 * - "completing": a generation has begun, its leader has not said who gets what.
 * - "stable": everybody has an assignment.
 */
type GroupState = "empty" | "preparing" | "completing" | "stable";

export interface GroupSettings {
  readonly clock: Clock;
  readonly initialRebalanceDelayMs: number;
  readonly newMemberId: () => string;
}

const nothing: MemberAssignment = { partitions: [], userData: new Uint8Array(0) };

/**
 * The members of one group and their way from generation to generation: Kafka's classic protocol as its coordinator keeps it (GroupCoordinator and
 * GroupMetadataManager of Kafka 4.1 are the authority for every answer).
 */
export class ConsumerGroup {
  private readonly groupId: string;
  private readonly settings: GroupSettings;
  private state: GroupState = "empty";
  private generation = 0;
  private protocol = "";
  private leaderId = "";
  private members = new Map<string, Member>();
  private readonly seats = new Map<string, string>();
  /** Ids that were given out and have not been used yet, until they expire. The others wait for them. */
  private readonly expected = new Map<string, Timeout>();
  private rebalance: Timeout | null = null;
  private syncDeadline: Timeout | null = null;
  private recorded: Recorded = { generation: 0, protocol: "", leaderId: "", members: [] };

  constructor(groupId: string, settings: GroupSettings) {
    this.groupId = groupId;
    this.settings = settings;
  }

  join(request: JoinRequest): JoinAnswer | Promise<JoinAnswer> {
    this.refuseStrangeProtocols(request);
    if (request.memberId === "")
      return request.groupInstanceId === null ? this.expect(request) : this.takeSeat(request, request.groupInstanceId);
    const expected = this.expected.get(request.memberId);
    if (expected !== undefined) {
      expected.cancel();
      this.expected.delete(request.memberId);
      return this.welcome(request.memberId, request);
    }
    const member = this.known(request);
    const changed = !sameProtocols(member.protocols, request.protocols);
    // Only who leads, or has something new to say, makes a settled group begin again.
    const again = this.state === "preparing" || changed || (this.state === "stable" && member.id === this.leaderId);
    member.protocols = new Map(request.protocols);
    member.sessionTimeoutMs = request.sessionTimeoutMs;
    member.rebalanceTimeoutMs = request.rebalanceTimeoutMs;
    return again ? this.awaitOthers(member) : this.current(member);
  }

  sync(request: SyncRequest): MemberAssignment | Promise<MemberAssignment> {
    const member = this.known(request);
    this.refuseOldGeneration(request.generationId);
    if (this.state === "preparing") throw rebalancing(this.groupId);
    this.seen(member);
    member.owesSync = false;
    if (this.state === "completing") {
      if (member.id !== this.leaderId) {
        member.syncing = pending();
        return member.syncing.promise;
      }
      this.state = "stable";
      for (const one of this.members.values()) {
        one.assignment = request.assignments?.get(one.id) ?? nothing;
        one.syncing?.resolve(one.assignment);
        one.syncing = null;
      }
      this.record();
    }
    return member.assignment;
  }

  heartbeat(request: HeartbeatRequest): void {
    const member = this.known(request);
    this.refuseOldGeneration(request.generationId);
    this.seen(member);
    if (this.state === "preparing") throw rebalancing(this.groupId);
  }

  leave(identity: MemberIdentity): void {
    const expected = this.expected.get(identity.memberId);
    if (expected !== undefined) {
      expected.cancel();
      this.expected.delete(identity.memberId);
      this.completeWhenAllJoined();
      return;
    }
    this.expel(this.known(identity));
  }

  /**
   * Whether offsets may be committed in the name of a member, or of nobody. Transactional commits are taken in the name of nobody at any time, as from old clients,
   * and in a new generation before its assignments are known.
   */
  refuseForeignCommit(group: GroupMetadata | null, transactional: boolean): void {
    if (group === null || (group.generationId < 0 && group.memberId === "" && group.groupInstanceId === null)) {
      if (transactional || this.state === "empty") return;
      throw logError("UNKNOWN_MEMBER_ID", `Group '${this.groupId}' has members: only they can commit its offsets`);
    }
    this.known(group);
    this.refuseOldGeneration(group.generationId);
    if (!transactional && this.state === "completing") throw rebalancing(this.groupId);
  }

  private expect(request: JoinRequest): JoinAnswer {
    const memberId = this.settings.newMemberId();
    const giveUp = (): void => {
      this.expected.delete(memberId);
      this.completeWhenAllJoined();
    };
    this.expected.set(memberId, this.settings.clock.after(request.sessionTimeoutMs, giveUp));
    return { kind: "member-id-given", memberId };
  }

  private welcome(memberId: string, request: JoinRequest): Promise<JoinAnswer> {
    const member: Member = {
      id: memberId,
      instanceId: request.groupInstanceId,
      protocols: new Map(request.protocols),
      sessionTimeoutMs: request.sessionTimeoutMs,
      rebalanceTimeoutMs: request.rebalanceTimeoutMs,
      joining: null,
      syncing: null,
      owesSync: false,
      assignment: nothing,
      seenMs: 0,
      session: null,
    };
    this.members.set(memberId, member);
    if (member.instanceId !== null) this.seats.set(member.instanceId, memberId);
    if (this.leaderId === "") this.leaderId = memberId;
    return this.awaitOthers(member);
  }

  /** A static member that begins again gets a new id and the place it had; who sat there before is fenced. */
  private takeSeat(request: JoinRequest, instanceId: string): JoinAnswer | Promise<JoinAnswer> {
    const memberId = this.settings.newMemberId();
    const before = this.members.get(this.seats.get(instanceId) ?? "");
    if (before === undefined) return this.welcome(memberId, request);
    const fenced = (): Error =>
      logError(
        "FENCED_INSTANCE_ID",
        `Another member of group '${this.groupId}' has joined as '${instanceId}': give every instance a name of its own`,
      );
    before.joining?.reject(fenced());
    before.syncing?.reject(fenced());
    before.session?.cancel();
    const member: Member = { ...before, id: memberId, protocols: new Map(request.protocols), joining: null, syncing: null, session: null };
    member.sessionTimeoutMs = request.sessionTimeoutMs;
    member.rebalanceTimeoutMs = request.rebalanceTimeoutMs;
    // The order of the members stays as it was.
    this.members = new Map([...this.members.values()].map((one) => (one === before ? [memberId, member] : [one.id, one])));
    this.seats.set(instanceId, memberId);
    // Written down at once: a coordinator that takes over must not know the seat by its holder before.
    const seated = this.recorded.members.map((one) => (one.id === before.id ? { ...one, id: memberId } : one));
    this.recorded = {
      ...this.recorded,
      leaderId: this.recorded.leaderId === before.id ? memberId : this.recorded.leaderId,
      members: seated,
    };
    const leaderBefore = this.leaderId;
    if (leaderBefore === before.id) this.leaderId = memberId;
    if (this.state !== "stable" || this.choose() !== this.protocol) return this.awaitOthers(member);
    this.seen(member);
    // It is told of the leader before, and so takes itself for a follower: the assignment stands, nobody has to make one.
    return { ...this.current(member), leaderId: leaderBefore, members: [] };
  }

  private awaitOthers(member: Member): Promise<JoinAnswer> {
    member.joining = pending();
    const { promise } = member.joining;
    if (this.state !== "preparing") this.prepare();
    this.completeWhenAllJoined();
    return promise;
  }

  private current(member: Member): Joined {
    const members: MemberSubscription[] = [];
    if (member.id === this.leaderId)
      for (const one of this.members.values())
        members.push({
          memberId: one.id,
          groupInstanceId: one.instanceId,
          userData: one.protocols.get(this.protocol) ?? new Uint8Array(0),
        });
    return {
      kind: "joined",
      generationId: this.generation,
      memberId: member.id,
      leaderId: this.leaderId,
      protocol: this.protocol,
      members,
    };
  }

  private prepare(): void {
    const { initialRebalanceDelayMs, clock } = this.settings;
    const delayed = this.state === "empty" && initialRebalanceDelayMs > 0;
    this.syncDeadline?.cancel();
    for (const member of this.members.values()) {
      member.syncing?.reject(rebalancing(this.groupId));
      member.syncing = null;
      member.owesSync = false;
    }
    this.state = "preparing";
    const waitMs = delayed ? initialRebalanceDelayMs : this.longestMs();
    this.rebalance = clock.after(waitMs, () => this.complete());
    this.initial = delayed;
  }

  /** True while an empty group waits for more members to come before its first generation. */
  private initial = false;

  private completeWhenAllJoined(): void {
    if (this.state !== "preparing" || this.initial || this.expected.size > 0) return;
    for (const member of this.members.values()) if (member.joining === null) return;
    this.complete();
  }

  /** Begins a generation with those who are here. Static members may be away: their session decides. */
  private complete(): void {
    this.initial = false;
    this.rebalance?.cancel();
    for (const member of [...this.members.values()]) if (member.joining === null && member.instanceId === null) this.forget(member);
    const here = [...this.members.values()].filter((member) => member.joining !== null);
    if (here.length === 0 && this.members.size > 0) {
      this.rebalance = this.settings.clock.after(this.longestMs(), () => this.complete());
      return;
    }
    if (!here.some((member) => member.id === this.leaderId)) this.leaderId = here[0]?.id ?? "";
    this.generation++;
    if (here.length === 0) {
      this.state = "empty";
      this.protocol = "";
      this.record();
      return;
    }
    this.protocol = this.choose();
    this.state = "completing";
    for (const member of this.members.values()) {
      member.owesSync = true;
      member.assignment = nothing;
      this.seen(member);
      member.joining?.resolve(this.current(member));
      member.joining = null;
    }
    this.syncDeadline = this.settings.clock.after(this.longestMs(), () => {
      const silent = [...this.members.values()].filter((member) => member.owesSync);
      for (const member of silent) this.forget(member);
      if (silent.length > 0) this.beginAgain();
    });
  }

  /** Another coordinator begins with the last generation that was written down: whoever waits for a later one is told to ask there, and sessions begin anew. */
  reload(): void {
    const moved = (): Error =>
      logError("NOT_COORDINATOR", `The coordinator of group '${this.groupId}' has moved: look for it and ask there`);
    for (const member of this.members.values()) {
      member.joining?.reject(moved());
      member.syncing?.reject(moved());
      member.session?.cancel();
    }
    for (const timeout of [...this.expected.values(), this.rebalance, this.syncDeadline]) timeout?.cancel();
    this.expected.clear();
    this.seats.clear();
    this.initial = false;
    const { generation, protocol, leaderId, members } = this.recorded;
    this.generation = generation;
    this.protocol = protocol;
    this.leaderId = leaderId;
    this.members = new Map(members.map((member) => [member.id, { ...member }]));
    for (const member of this.members.values()) {
      if (member.instanceId !== null) this.seats.set(member.instanceId, member.id);
      this.seen(member);
    }
    this.state = members.length === 0 ? "empty" : "stable";
  }

  private record(): void {
    const { generation, protocol, leaderId } = this;
    const members = [...this.members.values()].map((member) => ({
      ...member,
      joining: null,
      syncing: null,
      owesSync: false,
      session: null,
    }));
    this.recorded = { generation, protocol, leaderId, members };
  }

  private expel(member: Member): void {
    this.forget(member);
    this.beginAgain();
  }

  /** After somebody went: the others share anew. */
  private beginAgain(): void {
    if (this.state === "stable" || this.state === "completing") this.prepare();
    this.completeWhenAllJoined();
  }

  private forget(member: Member): void {
    this.members.delete(member.id);
    if (member.instanceId !== null) this.seats.delete(member.instanceId);
    member.session?.cancel();
    const gone = (): Error => logError("UNKNOWN_MEMBER_ID", `Group '${this.groupId}' has no member '${member.id}' any more: join again`);
    member.joining?.reject(gone());
    member.syncing?.reject(gone());
    if (this.leaderId === member.id) this.leaderId = this.members.keys().next().value ?? "";
  }

  /** Every sign of life begins the session anew. One timer is enough: when it fires it looks how long ago the last sign was. */
  private seen(member: Member): void {
    const { clock } = this.settings;
    member.seenMs = clock.monotonic();
    if (member.session !== null) return;
    const look = (): void => {
      member.session = null;
      if (this.members.get(member.id) !== member) return;
      // Who waits for others is alive as far as anybody can tell.
      if (member.joining !== null || member.syncing !== null) member.seenMs = clock.monotonic();
      const leftMs = member.seenMs + member.sessionTimeoutMs - clock.monotonic();
      if (leftMs > 0) member.session = clock.after(leftMs, look);
      else this.expel(member);
    };
    member.session = clock.after(member.sessionTimeoutMs, look);
  }

  private longestMs(): number {
    let longest = 0;
    for (const member of this.members.values()) longest = Math.max(longest, member.rebalanceTimeoutMs);
    return longest;
  }

  private known({ memberId, groupInstanceId }: MemberIdentity): Member {
    if (groupInstanceId !== null) {
      const seated = this.seats.get(groupInstanceId);
      if (seated !== undefined && seated !== memberId)
        throw logError(
          "FENCED_INSTANCE_ID",
          `Another member of group '${this.groupId}' has joined as '${groupInstanceId}': give every instance a name of its own`,
        );
    }
    const member = this.members.get(memberId);
    if (member === undefined) throw logError("UNKNOWN_MEMBER_ID", `Group '${this.groupId}' has no member '${memberId}': join again`);
    return member;
  }

  private refuseOldGeneration(generationId: number): void {
    if (generationId !== this.generation)
      throw logError(
        "ILLEGAL_GENERATION",
        `Group '${this.groupId}' is in generation ${this.generation}, not in ${generationId}: join again`,
      );
  }

  private refuseStrangeProtocols({ protocols, memberId }: JoinRequest): void {
    const others = [...this.members.values()].filter((member) => member.id !== memberId);
    if (!protocols.some(([name]) => others.every((member) => member.protocols.has(name))))
      throw logError(
        "INCONSISTENT_GROUP_PROTOCOL",
        `Group '${this.groupId}' speaks none of [${protocols.map(([name]) => name).join(", ")}]: another kind of application uses this group id`,
      );
  }

  /** The protocol that most members like best of those that all know. */
  private choose(): string {
    const members = [...this.members.values()];
    const votes = new Map<string, number>();
    for (const member of members)
      for (const name of member.protocols.keys())
        if (members.every((other) => other.protocols.has(name))) {
          votes.set(name, (votes.get(name) ?? 0) + 1);
          break;
        }
    let [best, most] = ["", 0];
    for (const [name, count] of votes) if (count > most) [best, most] = [name, count];
    return best;
  }
}

const rebalancing = (groupId: string) => logError("REBALANCE_IN_PROGRESS", `Group '${groupId}' is rebalancing: join again`);

const sameProtocols = (held: ReadonlyMap<string, Uint8Array>, given: JoinRequest["protocols"]): boolean =>
  held.size === given.length &&
  given.every(([name, userData]) => {
    const before = held.get(name);
    return before !== undefined && before.length === userData.length && before.every((byte, i) => byte === userData[i]);
  });
