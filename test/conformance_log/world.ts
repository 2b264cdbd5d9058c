import type { Log } from "../../core/ports/log.ts";

/** The requests of a producer that can be lost on their way, by Kafka's names. A protocol that does without one of them simply never loses it. */
export type LosableRequest = "Produce" | "AddPartitionsToTxn" | "AddOffsetsToTxn" | "TxnOffsetCommit" | "EndTxn";

/** What a world can do beyond the port. A case that needs one of these is skipped only when the driver's own test file says so. */
export interface ConformanceAbilities {
  /**
   * The next request of that kind sent by a producer of this log fails as by a closed connection: "request" before the broker has seen it, "response" after
   * the broker has done it.
   */
  lose(log: Log, request: LosableRequest, lost: "request" | "response"): void;
  /**
   * Makes the broker compact a topic whose cleanup.policy says so, and resolves when superseded and aborted records are gone. A broker that compacts only
   * what lies before its newest segment may be given filler to write: records whose keys begin with "filler".
   */
  compact(topic: string): Promise<void>;
}

export interface ConformanceTiming {
  /** Real brokers refuse less than 6 seconds unless they are configured otherwise. */
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly heartbeatMs: number;
  /** How late after its timeout the broker may end a transaction. Kafka looks every 10 seconds. */
  readonly transactionTimeoutSlackMs: number;
  /** How long to wait for what must come sooner or later. Has to be longer than the others. */
  readonly patienceMs: number;
}

/**
 * One cluster for one run of the suite. Every case makes its own topics, groups and transactional ids from `unique`, so that cases do not meet.
 */
export interface ConformanceWorld {
  /** A client of its own: what two of them do is as independent as two processes. */
  connect(): Promise<Log>;
  /** Milliseconds since 1970 as the broker sees them. */
  now(): number;
  /** Waits: on a real broker in real time, on a virtual clock by letting it run. */
  sleep(ms: number): Promise<void>;
  /** A legal topic name, group or transactional id that begins so and was never used before. */
  unique(name: string): string;
  /** Runs a case. A world on a virtual clock moves its time in here; left out, the case simply runs. */
  readonly run?: <T>(work: () => Promise<T>) => Promise<T>;
  readonly timing: ConformanceTiming;
  readonly can: Partial<ConformanceAbilities>;
  close(): Promise<void>;
}

/** What a real broker with default settings is given. */
export const brokerTiming: ConformanceTiming = {
  sessionTimeoutMs: 6_000,
  rebalanceTimeoutMs: 6_000,
  heartbeatMs: 500,
  transactionTimeoutSlackMs: 25_000,
  patienceMs: 45_000,
};
