import type { Clock } from "../ports/clock.ts";
import { partitionId } from "../ports/log.ts";
import { logError } from "./disposition.ts";

/** What a broker is for a group or a transactional id. */
export type CoordinatorKind = "group" | "transaction";
/** What the leader of a partition says while it cannot serve: another one is being chosen, or too few replicas are in sync to write. */
export type LeaderFault = "NOT_LEADER_OR_FOLLOWER" | "NOT_ENOUGH_REPLICAS";

interface Absence {
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** What parts of the cluster cannot serve at the moment, and what clients are told meanwhile: always something that definitely was not done. */
export class Outages {
  private readonly clock: Clock;
  private readonly coordinators = new Map<CoordinatorKind, Absence>();
  private readonly leaders = new Map<string, Absence & { readonly fault: LeaderFault }>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  coordinatorAway(kind: CoordinatorKind, forMs: number): void {
    this.coordinators.set(kind, this.absence(forMs));
  }

  leaderAway(topic: string, partition: number, forMs: number, fault: LeaderFault): void {
    this.leaders.set(partitionId(topic, partition), { ...this.absence(forMs), fault });
  }

  /** @throws LogError NOT_COORDINATOR, and when half of the time is over COORDINATOR_LOAD_IN_PROGRESS: the new one reads what the old one has written */
  refuseCoordinator(kind: CoordinatorKind): void {
    const absence = this.coordinators.get(kind);
    if (absence === undefined) return;
    const nowMs = this.clock.monotonic();
    if (nowMs >= absence.untilMs) this.coordinators.delete(kind);
    else if (nowMs < (absence.sinceMs + absence.untilMs) / 2)
      throw logError("NOT_COORDINATOR", `The ${kind} coordinator has moved to another broker: look for it and ask there`);
    else
      throw logError("COORDINATOR_LOAD_IN_PROGRESS", `The ${kind} coordinator is still reading what the one before has written: try again`);
  }

  /** Undefined when the partition's leader can serve. Who only reads does not mind too few replicas. */
  leaderFault(topic: string, partition: number, use: "read" | "write"): LeaderFault | undefined {
    if (this.leaders.size === 0) return undefined;
    const id = partitionId(topic, partition);
    const absence = this.leaders.get(id);
    if (absence === undefined) return undefined;
    if (this.clock.monotonic() >= absence.untilMs) {
      this.leaders.delete(id);
      return undefined;
    }
    return use === "read" && absence.fault === "NOT_ENOUGH_REPLICAS" ? undefined : absence.fault;
  }

  /** @throws LogError NOT_LEADER_OR_FOLLOWER or NOT_ENOUGH_REPLICAS */
  refuseLeader(topic: string, partition: number, use: "read" | "write"): void {
    const fault = this.leaderFault(topic, partition, use);
    if (fault !== undefined)
      throw logError(
        fault,
        fault === "NOT_ENOUGH_REPLICAS"
          ? `Too few replicas of ${partitionId(topic, partition)} are in sync to take a write: try again`
          : `Another broker leads ${partitionId(topic, partition)} now: ask there`,
        { topic, partition },
      );
  }

  private absence(forMs: number): Absence {
    const sinceMs = this.clock.monotonic();
    return { sinceMs, untilMs: sinceMs + forMs };
  }
}
