import type { Duration } from "../duration.ts";
import { ConfigurationError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Logger } from "../ports/logger.ts";
import type { Random } from "../ports/random.ts";
import type { StoreEngine } from "../ports/store.ts";
import type { ControlTopic } from "./control_topic.ts";
import type { Counters } from "./counters.ts";
import type { KnownTopics } from "./known_topics.ts";
import type { PatternWatch } from "./pattern_watch.ts";
import type { Plan, TopicRef } from "./plan.ts";
import type { Guarantee } from "./task_environment.ts";
import type { TopicLimits } from "./topic_limits.ts";

/** How an application runs: every option with its default filled in. Times are in milliseconds of the Clock. */
export interface Settings {
  readonly applicationId: string;
  readonly guarantee: Guarantee;
  readonly commitIntervalMs: number;
  /** A commit that takes longer counts as one whose outcome is not known. */
  readonly commitTimeoutMs: number;
  readonly commitMinPauseMs: number;
  /** So many commits in a row may fail before the instance gives up. */
  readonly tolerableFailures: number;
  readonly transactionTimeoutMs: number;
  readonly taskTimeoutMs: number;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly heartbeatMs: number;
  readonly groupInstanceId: string | null;
  /** Where the instance stands; empty when it does not say. */
  readonly rack: string;
  /** "host:port" at which other instances ask this one for what it keeps; empty when they cannot. */
  readonly endpoint: string;
  /** How many instances follow the changelogs of each stateful task beside the one that runs it. */
  readonly standbys: number;
  /** At most so many tasks at a time are warmed up where they are to go. */
  readonly warmupReplicas: number;
  /** So many changelog records may be missing to whoever takes a task over. */
  readonly acceptableLag: number;
  /** After so long the group looks again whether tasks that are being warmed up can go. */
  readonly probingIntervalMs: number;
  /** Fetched and not handled, over all partitions. */
  readonly inputBytes: number;
  /** What one fetch brings. */
  readonly fetchBytes: number;
  /** A longer record of others is not decoded. */
  readonly recordBytesMax: number;
  /** Changed and not committed: from half of it on there is a commit before its time, and beyond it tasks wait for one. */
  readonly overlayBytes: number;
  /** Decoded entries that are held although the stores have them, over all tasks. */
  readonly cacheBytes: number;
  /** Held by internal topics, in a log that keeps them in this process. */
  readonly internalBytes: number;
  /** What waits for something outside, over all tasks. */
  readonly pendingBytes: number;
  /** What one fetch of changelogs brings. */
  readonly restoreBytes: number;
  /** What a feed is ahead of its readers. */
  readonly feedBytes: number;
  readonly replication: number;
  readonly watermarkPeriodMs: number;
}

export const duration = (value: Duration | number, name: string): number => {
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0)
    throw new ConfigurationError(
      "OPTION_INVALID",
      `Option '${name}' is ${typeof value === "string" ? `the text "${String(value)}"` : String(value)}: give a duration such as millis(100)`,
    );
  return value;
};

/** One application on one instance: what all its workers share. */
export interface Application {
  /** With an input for each topic that matches a pattern: it changes when such topics come and go, and partitions and tasks with it. */
  readonly plan: Plan;
  readonly settings: Settings;
  readonly log: Log;
  /** Nobody but this application sees the log: what it has read of its sources need not be kept. */
  readonly logIsPrivate: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly stores: StoreEngine;
  readonly fingerprint: string;
  readonly processId: string;
  /** Partitions of every topic that is read or written. */
  readonly partitions: ReadonlyMap<string, number>;
  /** What the topics take that are written, as far as it is known. */
  readonly limits: ReadonlyMap<string, TopicLimits>;
  /** Tasks per sub-topology, by its id. */
  readonly tasks: ReadonlyMap<number, number>;
  /** Every source has an end; where it is stands in the control topic as soon as it is known. */
  readonly bounded: boolean;
  readonly control: ControlTopic;
  readonly names: TopicNames;
  readonly topics: KnownTopics;
  /** Undefined where the program names all of its topics. */
  readonly patterns: PatternWatch | undefined;
  /** What the next start is to find in the control topic, when it is not there yet. Written when the group has let this instance in. */
  readonly announcements: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[];
}

/** What the instance is called: by its user, or else by the process. */
export const instanceName = ({ groupInstanceId }: Pick<Settings, "groupInstanceId">, processId: string): string =>
  groupInstanceId ?? processId;

/** What the transactional ids of all workers of an instance begin with; a number follows. */
export const workerPrefix = (applicationId: string, instance: string): string => `${applicationId}-${instance}-`;

/** The transactional id of a worker: nobody else's. That of an instance with a name of its own is the same after a restart, so that opening it ends what the process before has left open. */
export const workerTransactionalId = (applicationId: string, instance: string, slot: number): string =>
  workerPrefix(applicationId, instance) + slot;

/** What internal topics are called. */
export class TopicNames {
  readonly #applicationId: string;

  constructor(applicationId: string) {
    this.#applicationId = applicationId;
  }

  of(topic: TopicRef): string {
    return topic.internal ? `${this.#applicationId}-${topic.name}` : topic.name;
  }

  changelog(store: string): string {
    return `${this.#applicationId}-${store}-changelog`;
  }

  /** Whether that is a topic which this application, or an earlier version of it, has made for itself. */
  isInternal(topic: string): boolean {
    if (!topic.startsWith(`${this.#applicationId}-`)) return false;
    return topic === this.control || topic === this.watermarks || /-(changelog|repartition|sink|retry-\d+)$/.test(topic);
  }

  get control(): string {
    return `${this.#applicationId}-control`;
  }

  get watermarks(): string {
    return `${this.#applicationId}-watermarks`;
  }
}
