import type { MemberAssignment, MemberSubscription } from "../ports/log.ts";

export interface JoinRequest {
  readonly groupId: string;
  /** Empty when the member has none yet. */
  readonly memberId: string;
  readonly groupInstanceId: string | null;
  /** What the member can speak, best first, with its user data for each. */
  readonly protocols: readonly (readonly [name: string, userData: Uint8Array])[];
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
}

/** The group has moved on to a generation. Only the leader is told of the members. */
export interface Joined {
  readonly kind: "joined";
  readonly generationId: number;
  readonly memberId: string;
  readonly leaderId: string;
  readonly protocol: string;
  readonly members: readonly MemberSubscription[];
}

/** A newcomer gets its id first and joins with it, so that a lost answer leaves nobody behind whom the others would wait for. */
export interface MemberIdGiven {
  readonly kind: "member-id-given";
  readonly memberId: string;
}

export type JoinAnswer = Joined | MemberIdGiven;

/** Who a request of a member comes from. */
export interface MemberIdentity {
  readonly groupId: string;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
}

export interface SyncRequest extends MemberIdentity {
  readonly generationId: number;
  /** From the leader: who gets what. */
  readonly assignments: ReadonlyMap<string, MemberAssignment> | null;
}

export interface HeartbeatRequest extends MemberIdentity {
  readonly generationId: number;
}

/** A promise and its ends, for a request whose answer depends on others. */
export interface Pending<T> {
  readonly promise: Promise<T>;
  readonly resolve: (answer: T) => void;
  readonly reject: (error: unknown) => void;
}

export const pending = <T>(): Pending<T> => {
  let resolve!: (answer: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
};
