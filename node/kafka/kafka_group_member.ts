import { sleep } from "../../core/ports/clock.ts";
import { type GroupMember, type GroupMetadata, type GroupOptions, LogError, type MemberAssignment } from "../../core/ports/log.ts";
import type { BrokerConnection } from "./broker_connection.ts";
import type { Cluster } from "./cluster.ts";
import type { ConnectionSet } from "./connection_set.ts";
import { decodeAssignment, encodeAssignment, encodeSubscription, subscribedUserData } from "./consumer_protocol.ts";
import { errorNumber } from "./error_codes.ts";
import { Heartbeats } from "./heartbeats.ts";
import { heartbeat, type JoinAnswer, joinGroup, leaveGroup, type MemberName, syncGroup } from "./requests/groups.ts";
import { isRetriableOrIndefinite, retry } from "./retry.ts";

/**
 * A member of a consumer group (the classic protocol, all partitions assigned anew by the leader at each rebalance). Unlike in Kafka's consumers what the member
 * holds is not taken away before it joins again: `onRebalance` is awaited, heartbeats going on, and only then JoinGroup is sent.
 *
 * Callbacks come one after the other. Joining, which may wait for a rebalance timeout, and heartbeats have connections of their own.
 */
export class KafkaGroupMember implements GroupMember {
  readonly #cluster: Cluster;
  readonly #connections: ConnectionSet;
  readonly #options: GroupOptions;
  #memberId = "";
  #metadata: GroupMetadata;
  /** The generation whose assignment the member holds; undefined when it holds none. */
  #held: number | undefined;
  #joins = 0;
  #joining = true;
  #heartbeats: Heartbeats | undefined;
  /** What is to be done next, and who waits for it. */
  #signal: Signal | undefined;
  #signalled: (() => void) | undefined;
  #fatal: LogError | undefined;
  #stopped = false;
  #left: Promise<void> | undefined;

  constructor(cluster: Cluster, options: GroupOptions) {
    this.#cluster = cluster;
    this.#connections = cluster.connections();
    this.#options = options;
    this.#metadata = { groupId: options.groupId, generationId: -1, memberId: "", groupInstanceId: options.groupInstanceId ?? null };
    void this.#run();
  }

  get metadata(): GroupMetadata {
    return this.#metadata;
  }

  requestRejoin(): void {
    this.#raise("rejoin");
  }

  checkIn(): void {
    if (!this.#joining) this.#heartbeats?.now();
  }

  leave(): Promise<void> {
    this.#left ??= this.#leave();
    return this.#left;
  }

  abandon(): void {
    this.#stop();
    this.#left ??= Promise.resolve();
    this.#cluster.release(this.#connections);
  }

  // ---------------------------------------------------------------- the life of a member

  async #run(): Promise<void> {
    try {
      while (!this.#stopped) {
        this.#joining = true;
        const assignment = await this.#joinAndSync();
        if (assignment === undefined) continue;
        this.#joining = false;
        this.#held = this.#metadata.generationId;
        await this.#options.onAssigned(assignment, this.#metadata);
        await this.#nextSignal();
        if (this.#signal === "rejoin") await this.#rebalance("rejoin");
        // The member may have been expelled while it was getting ready.
        if (this.#signal === "lost") await this.#rebalance("lost");
        if (this.#fatal !== undefined) throw this.#fatal;
        this.#heartbeats?.stop();
      }
    } catch (thrown) {
      if (this.#stopped) return;
      const error =
        thrown instanceof LogError
          ? thrown
          : new LogError("UNKNOWN", "rejected", `Cannot stay in group '${this.#options.groupId}' as a callback failed`, { cause: thrown });
      // A member that was replaced must not take the new one out of the group.
      if (error.code === "FENCED_INSTANCE_ID") this.abandon();
      else this.leave().catch(() => {});
      this.#options.onError(error);
    }
  }

  async #rebalance(reason: Signal): Promise<void> {
    if (this.#stopped || this.#held === undefined) return;
    if (reason === "lost") this.#held = undefined;
    await this.#options.onRebalance(reason);
  }

  /** Joins, and gives the assignment; undefined when it has to be tried again. */
  async #joinAndSync(): Promise<MemberAssignment | undefined> {
    try {
      const node = await this.#cluster.coordinator("group", this.#options.groupId);
      const connection = await this.#connections.to(node, "join");
      const joined = await this.#join(connection);
      if (joined === undefined || this.#stopped) return undefined;
      this.#heartbeats?.stop();
      this.#heartbeats = new Heartbeats(this.#cluster.clock, this.#options.heartbeatMs, () => this.#beat());
      const generation = joined.generationId;
      // A generation that this member heard nothing of may have given what it holds to another one, which may have gone on with it.
      if (this.#held !== undefined && generation > this.#held + 1) await this.#rebalance("lost");
      const assignments = joined.leaderId === this.#memberId ? await this.#assign(joined) : noAssignments;
      if (this.#stopped) return undefined;
      const synced = await connection.send(syncGroup(this.#name(), generation, assignments, this.#options.rebalanceTimeoutMs));
      if (synced.error === errorNumber.none) return decodeAssignment(synced.assignment);
      await this.#refused(synced.error, "be assigned partitions in");
    } catch (thrown) {
      if (this.#stopped) return undefined;
      if (!(thrown instanceof LogError) || !isRetriableOrIndefinite(thrown)) throw thrown;
      this.#cluster.forgetCoordinator("group", this.#options.groupId);
      await sleep(this.#cluster.clock, joinPauseMs);
    }
    return undefined;
  }

  async #join(connection: BrokerConnection): Promise<JoinAnswer | undefined> {
    const { topics, protocols, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options;
    // From here on a request to rejoin asks for one more generation: this one's subscription is being taken.
    this.#signal = undefined;
    const subscription = encodeSubscription(topics, this.#options.subscription(), this.#joins++);
    const answer = await connection.send(
      joinGroup(
        this.#name(),
        { sessionTimeoutMs, rebalanceTimeoutMs },
        protocols.map((name) => ({ name, subscription })),
      ),
    );
    if (this.#stopped) return undefined;
    if (answer.error === errorNumber.memberIdRequired) {
      this.#memberId = answer.memberId;
      return this.#join(connection);
    }
    if (answer.error !== errorNumber.none) {
      await this.#refused(answer.error, "join");
      return undefined;
    }
    this.#memberId = answer.memberId;
    this.#metadata = { ...this.#metadata, generationId: answer.generationId, memberId: answer.memberId };
    return answer;
  }

  async #assign({ members }: JoinAnswer): Promise<ReadonlyMap<string, Uint8Array>> {
    const assignments = await this.#options.assign(
      members.map(({ memberId, groupInstanceId, subscription }) => ({
        memberId,
        groupInstanceId,
        userData: subscribedUserData(subscription),
      })),
    );
    return new Map(
      members.map(({ memberId }) => {
        const assignment = assignments.get(memberId);
        if (assignment === undefined)
          throw new LogError(
            "UNKNOWN",
            "rejected",
            `Cannot assign partitions in group '${this.#options.groupId}': the assignment leaves out member '${memberId}'`,
          );
        return [memberId, encodeAssignment(assignment)];
      }),
    );
  }

  /** Joining or syncing was refused: prepares for the next attempt, or throws when there can be none. */
  async #refused(error: number, what: string): Promise<void> {
    switch (error) {
      case errorNumber.unknownMemberId:
        this.#memberId = "";
        await this.#rebalance("lost");
        return;
      case errorNumber.illegalGeneration:
      case errorNumber.rebalanceInProgress:
        return;
      default: {
        const refusal = this.#cluster.refusal(error, `Cannot ${what} group '${this.#options.groupId}'`, null, {
          group: this.#options.groupId,
        });
        // In `joinAndSync` a passing fault leads to a pause and another attempt.
        throw refusal;
      }
    }
  }

  // ---------------------------------------------------------------- staying alive

  async #beat(): Promise<void> {
    const { groupId } = this.#options;
    let error: number;
    try {
      const node = await this.#cluster.coordinator("group", groupId);
      const connection = await this.#connections.to(node, "heartbeat");
      error = await connection.send(heartbeat(this.#name(), this.#metadata.generationId));
    } catch (thrown) {
      this.#cluster.forgetCoordinator("group", groupId);
      if (thrown instanceof LogError && !isRetriableOrIndefinite(thrown)) this.#fail(thrown);
      throw thrown;
    }
    // While joining, the answers to JoinGroup and SyncGroup decide.
    if (error === errorNumber.none || this.#joining) return;
    switch (error) {
      case errorNumber.rebalanceInProgress:
        this.#raise("rejoin");
        return;
      case errorNumber.unknownMemberId:
        this.#memberId = "";
        this.#raise("lost");
        return;
      case errorNumber.illegalGeneration:
        this.#raise("lost");
        return;
      case errorNumber.notCoordinator:
      case errorNumber.coordinatorNotAvailable:
        this.#cluster.forgetCoordinator("group", groupId);
        return;
      default: {
        const refusal = this.#cluster.refusal(error, `Cannot stay in group '${groupId}'`, null, { group: groupId });
        if (!isRetriableOrIndefinite(refusal)) this.#fail(refusal);
      }
    }
  }

  #raise(signal: Signal): void {
    if (this.#signal !== "lost") this.#signal = signal;
    this.#signalled?.();
  }

  #fail(error: LogError): void {
    this.#fatal ??= error;
    this.#signalled?.();
  }

  async #nextSignal(): Promise<void> {
    while (this.#signal === undefined && this.#fatal === undefined && !this.#stopped) {
      await new Promise<void>((resolve) => {
        this.#signalled = resolve;
      });
      this.#signalled = undefined;
    }
  }

  // ---------------------------------------------------------------- the end

  async #leave(): Promise<void> {
    this.#stop();
    const { groupId } = this.#options;
    const name = this.#name();
    try {
      if (name.memberId === "" && name.groupInstanceId === null) return;
      await retry(
        async () => {
          const node = await this.#cluster.coordinator("group", groupId);
          const connection = await this.#connections.to(node, "leave");
          await connection.send(leaveGroup(name));
        },
        {
          clock: this.#cluster.clock,
          forMs: leaveForMs,
          again: isRetriableOrIndefinite,
          beforeRetry: () => this.#cluster.forgetCoordinator("group", groupId),
        },
      );
    } finally {
      this.#cluster.release(this.#connections);
    }
  }

  #stop(): void {
    this.#stopped = true;
    this.#heartbeats?.stop();
    this.#signalled?.();
  }

  #name(): MemberName {
    return { groupId: this.#options.groupId, memberId: this.#memberId, groupInstanceId: this.#options.groupInstanceId ?? null };
  }
}

type Signal = "rejoin" | "lost";

const noAssignments: ReadonlyMap<string, Uint8Array> = new Map();
const joinPauseMs = 100;
const leaveForMs = 10_000;
