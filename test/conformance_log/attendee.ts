import type {
  GroupMember,
  GroupMetadata,
  GroupOptions,
  Log,
  LogError,
  MemberAssignment,
  MemberSubscription,
  TopicPartition,
} from "../../core/ports/log.ts";
import { bytes, type Stage, text } from "./stage.ts";

export interface AttendeeOptions {
  readonly name: string;
  readonly groupId: string;
  readonly topic: string;
  readonly partitions: number;
  readonly groupInstanceId?: string;
  readonly protocols?: readonly string[];
  readonly rebalanceTimeoutMs?: number;
  readonly sessionTimeoutMs?: number;
  readonly heartbeatMs?: number;
}

/** One generation as its member saw it. */
export interface Attendance {
  readonly group: GroupMetadata;
  readonly partitions: readonly number[];
  /** What the leader wrote for this member. */
  readonly told: string;
}

/** Gives the partitions out in turn, to the members in the order of what they say of themselves, and tells each what the leader heard from all. */
const inTurn = (options: AttendeeOptions, members: readonly MemberSubscription[]): ReadonlyMap<string, MemberAssignment> => {
  const ordered = [...members].sort((a, b) => ((text(a.userData) ?? "") < (text(b.userData) ?? "") ? -1 : 1));
  const heard = ordered.map((member) => text(member.userData)).join("+");
  return new Map(
    ordered.map((member, turn) => {
      const partitions: TopicPartition[] = [];
      for (let partition = turn; partition < options.partitions; partition += ordered.length)
        partitions.push({ topic: options.topic, partition });
      return [member.memberId, { partitions, userData: bytes(`${text(member.userData)} of ${heard}`) }];
    }),
  );
};

/** A group member that writes down what happens to it. `says` is its user data; the two gates hold its callbacks back. */
export class Attendee {
  readonly log: Log;
  readonly name: string;
  readonly member: GroupMember;
  /** "rejoin", "lost", "assigned" and "left", in the order in which they happened. */
  readonly story: string[] = [];
  readonly attended: Attendance[] = [];
  readonly errors: LogError[] = [];
  says: string;
  beforeRejoin: () => Promise<void> = async () => {};
  duringAssigned: () => Promise<void> = async () => {};
  private readonly stage: Stage;

  constructor(stage: Stage, log: Log, options: AttendeeOptions) {
    this.stage = stage;
    this.log = log;
    this.name = options.name;
    this.says = options.name;
    const { timing } = stage.world;
    const group: GroupOptions = {
      groupId: options.groupId,
      groupInstanceId: options.groupInstanceId ?? null,
      protocols: options.protocols ?? ["conformance-1"],
      topics: [options.topic],
      sessionTimeoutMs: options.sessionTimeoutMs ?? timing.sessionTimeoutMs,
      rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? timing.rebalanceTimeoutMs,
      heartbeatMs: options.heartbeatMs ?? timing.heartbeatMs,
      subscription: () => bytes(this.says),
      assign: async (members) => inTurn(options, members),
      onRebalance: async (reason) => {
        this.story.push(reason);
        if (reason === "rejoin") await this.beforeRejoin();
      },
      onAssigned: async ({ partitions, userData }, metadata) => {
        this.story.push("assigned");
        this.attended.push({ group: metadata, partitions: partitions.map((one) => one.partition).sort(), told: text(userData) ?? "" });
        await this.duringAssigned();
      },
      onError: (error) => this.errors.push(error),
    };
    this.member = log.join(group);
  }

  get now(): Attendance | undefined {
    return this.attended.at(-1);
  }

  /** Waits until this member holds exactly these partitions, in a generation after the given one. */
  holds(partitions: readonly number[], afterGeneration = -1): Promise<Attendance> {
    return this.stage.eventually(`${this.name} holds [${partitions.join()}], story: ${this.story.join()}`, () => {
      const [error] = this.errors;
      if (error !== undefined) throw error;
      const now = this.now;
      return now !== undefined && now.group.generationId > afterGeneration && now.partitions.join() === partitions.join() ? now : undefined;
    });
  }

  async leave(): Promise<void> {
    this.story.push("left");
    await this.member.leave();
  }
}

/** Waits until all hold their partitions in one common generation. */
export const together = async (stage: Stage, expected: readonly (readonly [Attendee, readonly number[]])[]): Promise<number> =>
  stage.eventually(`one generation in which ${expected.map(([one, held]) => `${one.name} holds [${held.join()}]`).join(", ")}`, () => {
    const generations = new Set(
      expected.map(([one, held]) => (one.now?.partitions.join() === held.join() ? one.now.group.generationId : -1)),
    );
    const [only] = generations;
    return generations.size === 1 && only !== undefined && only >= 0 ? only : undefined;
  });
