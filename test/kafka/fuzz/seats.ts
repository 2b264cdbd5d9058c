import type { GroupMember, GroupMetadata, Log, LogError, MemberAssignment, MemberSubscription } from "../../../core/ports/log.ts";
import type { ConformanceWorld } from "../../conformance_log/world.ts";
import type { Call } from "./call.ts";

export const fuzzSessionMs = 1_000;
const patienceMs = 8_000;

interface Sitting {
  readonly member: GroupMember;
  readonly group: number;
  /** The group's generation, and the names of all members in it; undefined while it has none. */
  now: { readonly generation: number; readonly told: string } | undefined;
  error: LogError | undefined;
  /** "rejoin", "lost" and "assigned", as they happened. */
  readonly story: string[];
}

/** Members of groups by the number of their seat. Every change is followed until all members of the group are in one generation again. */
export class Seats {
  readonly #world: ConformanceWorld;
  readonly #log: Log;
  readonly #prefix: string;
  readonly #sittings = new Map<number, Sitting>();

  constructor(world: ConformanceWorld, log: Log, prefix: string) {
    this.#world = world;
    this.#log = log;
    this.#prefix = prefix;
  }

  groupId(group: number): string {
    return `${this.#prefix}-group${group}`;
  }

  metadata(seat: number): GroupMetadata | undefined {
    return this.#sittings.get(seat)?.member.metadata;
  }

  async join({ seat, group, instance, protocol }: Extract<Call, { readonly do: "join" }>): Promise<string> {
    if (this.#sittings.has(seat)) return "taken";
    const sitting: Omit<Sitting, "member"> & { member?: GroupMember } = { group, now: undefined, error: undefined, story: [] };
    sitting.member = this.#log.join({
      groupId: this.groupId(group),
      groupInstanceId: instance === null ? null : `instance${instance}`,
      protocols: [["fuzz-1"], ["fuzz-2", "fuzz-1"]][protocol]!,
      topics: [],
      sessionTimeoutMs: fuzzSessionMs,
      rebalanceTimeoutMs: 3_000,
      heartbeatMs: 100,
      subscription: () => new TextEncoder().encode(`seat${seat}`),
      assign: (members) => told(members),
      onRebalance: async (reason) => {
        sitting.story.push(reason);
        sitting.now = undefined;
      },
      onAssigned: async ({ userData }, { generationId }) => {
        sitting.story.push("assigned");
        sitting.now = { generation: generationId, told: new TextDecoder().decode(userData) };
      },
      onError: (error) => {
        sitting.error = error;
      },
    });
    this.#sittings.set(seat, sitting as Sitting);
    return this.#together(group);
  }

  async change(seat: number, how: "leave" | "abandon" | "rejoin"): Promise<string> {
    const sitting = this.#sittings.get(seat);
    if (sitting === undefined) return "nobody";
    if (how === "rejoin") {
      sitting.now = undefined;
      sitting.member.requestRejoin();
    } else {
      this.#sittings.delete(seat);
      if (how === "leave") await sitting.member.leave();
      else {
        sitting.member.abandon();
        // Nobody may be left who would see that its session ends.
        await this.#world.sleep(fuzzSessionMs + 500);
      }
    }
    return this.#together(sitting.group);
  }

  async close(): Promise<void> {
    for (const { member } of this.#sittings.values()) await member.leave();
  }

  /** Waits until the group is at rest, and says who is in it. */
  async #together(group: number): Promise<string> {
    const inGroup = () => [...this.#sittings].filter(([, sitting]) => sitting.group === group);
    for (let waited = 0; ; waited += 20) {
      for (const [seat, { error }] of inGroup()) {
        if (error === undefined) continue;
        this.#sittings.delete(seat);
        return `seat ${seat}: ${error.code} (${error.disposition})`;
      }
      const seated = inGroup();
      const names = seated
        .map(([seat]) => `seat${seat}`)
        .toSorted()
        .join("+");
      const generations = new Set(seated.map(([, { now }]) => now?.generation));
      if (seated.length === 0 || (generations.size === 1 && seated.every(([, { now }]) => now?.told === names)))
        return `${names === "" ? "nobody" : names} in generation ${[...generations].join()}`;
      if (waited > patienceMs)
        return `no generation: ${seated.map(([seat, { now, story }]) => `seat ${seat} ${JSON.stringify(now)} ${story.join()}`).join("; ")}`;
      await this.#world.sleep(20);
    }
  }
}

/** Everybody is told who is there. */
const told = (members: readonly MemberSubscription[]): ReadonlyMap<string, MemberAssignment> => {
  const names = members
    .map(({ userData }) => new TextDecoder().decode(userData))
    .toSorted()
    .join("+");
  return new Map(members.map(({ memberId }) => [memberId, { partitions: [], userData: new TextEncoder().encode(names) }]));
};
