import type { RequestKind } from "../../core/log/link.ts";
import type { Random } from "../../core/ports/random.ts";
import type { RequestFault } from "./process_link.ts";

/** About how many faults of each family a simulation has. What is left out does not happen. */
export interface FaultCounts {
  /** Processes that die: at any moment, or just before or after the log has done what they asked for. Others take their place. */
  readonly crash?: number;
  /** Processes that stand still, for up to three times the session timeout, and wake up again. */
  readonly pause?: number;
  /** Requests and answers that are lost, late, delayed or repeated, and processes that are cut off for a while. */
  readonly network?: number;
  /** Instances that come and go in good order, alone and in storms. */
  readonly rebalance?: number;
  /** Coordinators that move, partitions whose leader changes or that cannot be written, slow answers, compaction. */
  readonly broker?: number;
  /** Wall clocks that are set forward or back. */
  readonly clock?: number;
  /** Input topics that are deleted and made anew. What is promised then is only that every instance refuses to go on, and nothing is replayed in silence. */
  readonly topics?: number;
  /** Input topics that get one partition more. Where keyed steps or other topics rely on their partitions, instances have to refuse it; all others go on, and read the new one after a restart of all. */
  readonly partitions?: number;
}

/** What happens at a moment of its own. */
export type TimedFaultKind =
  | "crash"
  | "pause"
  | "cut-off"
  | "start"
  | "close"
  | "storm"
  | "group-coordinator-moves"
  | "transaction-coordinator-moves"
  | "leader-changes"
  | "too-few-replicas"
  | "slow-answers"
  | "compaction"
  | "clock-jump"
  | "topic-made-anew"
  | "partition-added"
  | "upgrade";

export interface TimedFault {
  readonly id: string;
  readonly kind: TimedFaultKind;
  readonly atMs: number;
  readonly forMs: number;
  /** In [0, 1): whom it hits. */
  readonly whom: number;
}

/** What happens to requests: which kinds meet which faults how often. */
export interface RequestFaults {
  readonly kinds: ReadonlySet<RequestKind>;
  readonly faults: readonly RequestFault[];
  readonly rate: number;
}

const families: Readonly<Record<keyof FaultCounts, readonly TimedFaultKind[]>> = {
  crash: ["crash"],
  pause: ["pause"],
  network: ["cut-off"],
  rebalance: ["start", "close", "storm"],
  broker: ["group-coordinator-moves", "transaction-coordinator-moves", "leader-changes", "too-few-replicas", "slow-answers", "compaction"],
  clock: ["clock-jump"],
  topics: ["topic-made-anew"],
  partitions: ["partition-added"],
};

/** Every kind that a fault may befall. */
export const requestKinds: readonly RequestKind[] = [
  "Fetch",
  "Produce",
  "InitProducerId",
  "TxnOffsetCommit",
  "EndTxn",
  "JoinGroup",
  "SyncGroup",
  "Heartbeat",
  "ListOffsets",
  "OffsetFetch",
  "AddPartitionsToTxn",
  "AddOffsetsToTxn",
  "OffsetCommit",
  "DeleteRecords",
  "LeaveGroup",
];
const networkFaults: readonly RequestFault[] = ["request-lost", "response-lost", "late", "delayed", "repeated"];
const crashFaults: readonly RequestFault[] = ["crash-before", "crash-after"];

/** So many requests a simulation has, more or less: what turns a number of faults into a rate. */
const requestsUsual = 2_500;

/** Which families this seed knows, and how many of each: another selection for each seed, so that no fault hides another. */
export const swarm = (random: Random): FaultCounts => {
  const some = (p: number, most: number): number => (random.next() < p ? 1 + Math.floor(random.next() * most) : 0);
  return {
    crash: some(0.6, 6),
    pause: some(0.4, 3),
    network: some(0.6, 60),
    rebalance: some(0.6, 6),
    broker: some(0.5, 6),
    clock: some(0.3, 4),
    topics: some(0.03, 1),
  };
};

/** Lays out what happens when. */
export const plannedFaults = (
  counts: FaultCounts,
  random: Random,
  { horizonMs, sessionTimeoutMs, upgrades }: { readonly horizonMs: number; readonly sessionTimeoutMs: number; readonly upgrades: boolean },
): { readonly timed: readonly TimedFault[]; readonly requests: RequestFaults } => {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random.next() * from.length)]!;
  const lasts = (kind: TimedFaultKind): number => {
    if (kind === "pause" || kind === "cut-off")
      return random.next() < 0.5 ? random.next() * sessionTimeoutMs : random.next() * 3 * sessionTimeoutMs;
    if (kind === "clock-jump") return (random.next() - 0.5) * 1_200_000;
    return random.next() * 3_000;
  };
  const timed: Omit<TimedFault, "id">[] = [];
  const add = (kind: TimedFaultKind): void =>
    void timed.push({ kind, atMs: 500 + random.next() * (horizonMs - 500), forMs: lasts(kind), whom: random.next() });
  for (const family of Object.keys(families) as (keyof FaultCounts)[]) {
    const count = counts[family] ?? 0;
    // Most faults of the network and half of the crashes hit single requests.
    const moments = family === "network" ? Math.floor(count / 20) : family === "crash" ? Math.ceil(count / 2) : count;
    for (let i = 0; i < moments; i++) add(pick(families[family]));
  }
  if (upgrades) add("upgrade");
  const { network = 0, crash = 0 } = counts;
  const some = <T>(from: readonly T[]): readonly T[] => {
    const chosen = from.filter(() => random.next() < 0.6);
    return chosen.length === 0 ? [pick(from)] : chosen;
  };
  const lost = network === 0 ? [] : some(networkFaults);
  const deadly = crash < 2 ? [] : crashFaults;
  return {
    timed: timed.sort((a, b) => a.atMs - b.atMs).map((fault, i) => ({ id: `${i} ${fault.kind}`, ...fault })),
    requests: {
      kinds: new Set(requestKinds.filter(() => random.next() < 0.6)),
      // Each request may meet one of them: deadly ones are rarer, since each ends a process.
      faults: [...lost, ...lost, ...lost, ...deadly],
      rate: (network + crash / 2) / requestsUsual,
    },
  };
};
