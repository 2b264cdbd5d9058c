import type { Random } from "../../core/ports/random.ts";
import { seededRandom } from "../../core/time_source/seeded_random.ts";
import { type FaultCounts, plannedFaults, type RequestFaults, swarm, type TimedFault } from "./faults.ts";

/** All that a seed decides before anything runs. */
export interface Conditions {
  /** The protocol of the log's transactions. */
  readonly transactionVersion: 1 | 2;
  readonly transactionCheckMs: number;
  /** Upper bounds of what takes time. */
  readonly markerDelayMs: number;
  readonly latencyMs: number;
  readonly lookMs: number;
  readonly commitIntervalMs: number;
  readonly transactionTimeoutMs: number;
  readonly memory: Memory;
  readonly compactionBytes: number;
  /** How many other instances keep the state of each task. */
  readonly standbys: number;
  readonly acceptableLag: number;
  readonly probingMs: number;
  /** Instances have names that outlive a crash: the group waits for them. */
  readonly named: boolean;
  /** "app": an instance feeds, the run is a bounded one. "outside": somebody else writes the input of a live run, which is ended by a bounded one. */
  readonly fedBy: "app" | "outside";
  readonly timed: readonly TimedFault[];
  readonly requests: RequestFaults;
}

/** What an instance may buffer. */
export type Memory = Readonly<
  Record<"overlayBytes" | "cacheBytes" | "fetchBytes" | "inputBytes" | "internalBytes" | "pendingBytes", number>
>;

const wide: Memory = {
  overlayBytes: 64 << 20,
  cacheBytes: 64 << 20,
  fetchBytes: 64 << 20,
  inputBytes: 64 << 20,
  internalBytes: 64 << 20,
  pendingBytes: 64 << 20,
};

/** For how long faults happen. */
export const horizonMs = 16_000;
export const sessionTimeoutMs = 6_000;
export const heartbeatMs = 1_000;
export const rebalanceTimeoutMs = 10_000;

/** What of a program bears on the conditions. */
export interface Nature {
  /** There is a next version of it. */
  readonly upgrades: boolean;
  /** Its inputs have an end of their own, so that a live run of it makes no sense. */
  readonly isBounded: boolean;
  /** Something is kept from one run to the next, by which a topic that has changed is known. */
  readonly keeps: boolean;
}

export const conditionsOf = (seed: number, faults: FaultCounts | undefined, { upgrades, isBounded, keeps }: Nature): Conditions => {
  const random = seededRandom(seed);
  const chance = (p: number): boolean => random.next() < p;
  const upTo = (n: number): number => Math.floor(random.next() * n);
  const some = faults ?? { ...swarm(random), partitions: chanceFor(seed, "partitions").next() < 0.05 ? 1 : 0 };
  const counts = keeps ? some : { ...some, topics: 0, partitions: 0 };
  const narrow = chanceFor(seed, "memory");
  const orNarrow = (buffer: keyof Memory, bytes: number): number => (narrow.next() < 0.3 ? bytes : wide[buffer]);
  const memory = {
    cacheBytes: orNarrow("cacheBytes", 1_000),
    fetchBytes: orNarrow("fetchBytes", 400),
    inputBytes: orNarrow("inputBytes", 800),
    internalBytes: orNarrow("internalBytes", 4_000),
    pendingBytes: orNarrow("pendingBytes", 500),
  };
  return {
    transactionVersion: chance(0.4) ? 1 : 2,
    transactionCheckMs: chance(0.5) ? 10_000 : 1_000,
    markerDelayMs: chance(0.5) ? (chance(0.3) ? 500 : upTo(60)) : 0,
    latencyMs: chance(0.8) ? 1 + upTo(8) : 0,
    lookMs: chance(0.3) ? random.next() * 0.5 : 0,
    commitIntervalMs: 20 + upTo(200),
    // So long that whoever waits for it, instead of ending what a departed worker has left open, is found.
    transactionTimeoutMs: chance(0.3) ? 2_000 : chance(0.3) ? 600_000 : 15_000,
    memory: { ...memory, overlayBytes: chance(0.1) ? 2_000 : wide.overlayBytes },
    compactionBytes: chance(0.3) ? 2_000 : Number.POSITIVE_INFINITY,
    standbys: chance(0.4) ? 1 + upTo(2) : 0,
    acceptableLag: chance(0.4) ? upTo(10) : 10_000,
    probingMs: chance(0.5) ? 1_000 + upTo(4_000) : 600_000,
    named: chance(0.3),
    fedBy: chance(0.5) || isBounded ? "app" : "outside",
    ...plannedFaults(counts, random, { horizonMs, sessionTimeoutMs, upgrades: upgrades && (faults === undefined ? chance(0.5) : true) }),
  };
};

/** Chance for one purpose, which does not depend on how often others have asked. */
export const chanceFor = (seed: number, purpose: string): Random => {
  let hash = seed | 0;
  for (let i = 0; i < purpose.length; i++) hash = Math.imul(hash ^ purpose.charCodeAt(i), 0x01000193);
  return seededRandom(seed * 4_194_304 + ((hash >>> 0) % 4_194_304));
};

/** Nothing happens, and nothing takes time. */
export const calm: Conditions = {
  transactionVersion: 2,
  transactionCheckMs: 10_000,
  markerDelayMs: 0,
  latencyMs: 0,
  lookMs: 0,
  commitIntervalMs: 200,
  transactionTimeoutMs: 15_000,
  memory: wide,
  compactionBytes: Number.POSITIVE_INFINITY,
  standbys: 0,
  acceptableLag: 10_000,
  probingMs: 600_000,
  named: false,
  fedBy: "app",
  timed: [],
  requests: { kinds: new Set(), faults: [], rate: 0 },
};
