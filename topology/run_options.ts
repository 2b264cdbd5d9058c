import type { Duration } from "../core/duration.ts";
import { ConfigurationError } from "../core/errors.ts";
import type { Clock } from "../core/ports/clock.ts";
import type { Log } from "../core/ports/log.ts";
import type { Logger } from "../core/ports/logger.ts";
import type { Random } from "../core/ports/random.ts";
import type { StoreEngine } from "../core/ports/store.ts";
import type { Listeners, UncaughtPolicy } from "../core/runtime/app.ts";
import { duration, type Settings } from "../core/runtime/application.ts";
import type { Feed } from "../core/runtime/start.ts";
import { nearest } from "./nearest.ts";

/** How an application runs. Every option has a default; the name that Kafka Streams or Flink gives it stands in brackets. */
export interface RunOptions {
  /** Names the group, the internal topics and the transactions. @default the topology's name [application.id] */
  readonly applicationId?: string;
  /** A name for this instance that outlives restarts: the group then waits for it instead of rebalancing. @default none [group.instance.id] */
  readonly instanceId?: string;
  /** Where this instance stands, such as an availability zone: standbys are kept elsewhere than what they stand by for. @default none [client.rack, rack.aware.assignment.tags] */
  readonly rack?: string;
  /** "host:port" at which other instances can ask this one for what it keeps: told to all of them, and found again in `app.ownerOf`. @default none [application.server] */
  readonly endpoint?: string;
  /** How many other instances keep the state of each task up to date, so that one of them can take it over at once. @default 0 [num.standby.replicas] */
  readonly standbys?: number;
  /** A task with state moves to another instance only when at most so many records of its changelogs are missing there. @default 10,000 [acceptable.recovery.lag] */
  readonly acceptableRecoveryLag?: number;
  /** At most so many tasks at a time have their state made ready where they are to go. @default 2 [max.warmup.replicas] */
  readonly maxWarmupReplicas?: number;
  /** After so long the group looks again whether tasks can go where they belong; an instance that is ready says so before. @default 10 min [probing.rebalance.interval.ms] */
  readonly probingRebalanceInterval?: Duration;
  /** @default "exactly-once" [processing.guarantee] */
  readonly guarantee?: "exactly-once" | "at-least-once" | "none";
  /** When what is done becomes visible. */
  readonly commit?: {
    /** @default 100 ms [commit.interval.ms, execution.checkpointing.interval] */
    readonly interval?: Duration;
    /** A commit that takes longer is given up, and the log is asked what became of it. @default transactionTimeout [execution.checkpointing.timeout] */
    readonly timeout?: Duration;
    /** The least time between the end of a commit and the next. @default 0 [execution.checkpointing.min-pause] */
    readonly minPause?: Duration;
    /** So many commits in a row may fail. @default unlimited [execution.checkpointing.tolerable-failed-checkpoints] */
    readonly tolerableFailures?: number;
  };
  /** How long the consumer group waits for an instance. */
  readonly group?: {
    /** @default 45 s [session.timeout.ms] */
    readonly sessionTimeout?: Duration;
    /** @default 60 s [max.poll.interval.ms] */
    readonly rebalanceTimeout?: Duration;
    /** @default 3 s [heartbeat.interval.ms] */
    readonly heartbeat?: Duration;
  };
  /** @default 60 s [transaction.timeout.ms] */
  readonly transactionTimeout?: Duration;
  /** How long a task waits for something outside before it gives up. @default 5 min [task.timeout.ms] */
  readonly taskTimeout?: Duration;
  /** How long `close` waits for the last commit. @default 30 s */
  readonly closeTimeout?: Duration;
  /** Of internal topics. @default the brokers' default.replication.factor [replication.factor] */
  readonly replication?: number;
  /** "batch": every source ends where it ends now, and so does the run. @default "streaming" [execution.runtime-mode] */
  readonly mode?: "streaming" | "batch";
  /** Bounds; what is full waits, nothing is dropped. */
  readonly memory?: {
    /** Fetched and not handled, over all partitions: a partition is paused while more than half of its share waits; the share is 2 MiB at most. @default 128 MiB [input.buffer.max.bytes] */
    readonly inputBytes?: number;
    /** What one fetch brings at most, over all partitions. @default 64 MiB [fetch.max.bytes] */
    readonly fetchBytes?: number;
    /** A record of others whose key and value are longer is not decoded, but a DecodeError LIMIT_EXCEEDED that the policy decides about. @default 64 MiB */
    readonly recordBytes?: number;
    /** Changed or written and not committed: half of it is committed before its time, and beyond it tasks wait for the commit. @default 128 MiB [statestore.uncommitted.max.bytes] */
    readonly overlayBytes?: number;
    /** Decoded entries of state, kept over all tasks beside the stores that have them too. @default 128 MiB [statestore.cache.max.bytes] */
    readonly cacheBytes?: number;
    /** What internal topics hold, in a log in memory, where nothing else bounds how far a part of the program is ahead of the next one: from half of it on no record of a source is handled until it is a quarter. @default 128 MiB [taskmanager.memory.network.max] */
    readonly internalBytes?: number;
    /** Records that wait for something outside, over all tasks: for an answer to `mapAsync`, or for a sink to take them. Beyond it no record is read for those who have some waiting. @default 64 MiB */
    readonly pendingBytes?: number;
    /** What one fetch of changelogs brings at most, of tasks that are being restored and of standbys. @default 8 MiB */
    readonly restoreBytes?: number;
    /** What a feed writes before it is read: then it waits for its readers. @default 32 MiB */
    readonly feedBytes?: number;
  };
  /** What follows an error that no policy has forgiven. @default "stop-instance" [StreamsUncaughtExceptionHandler] */
  readonly onUncaught?: UncaughtPolicy | ((error: unknown) => UncaughtPolicy);
  /** Records for the input topics, written exactly once over all restarts: a function that is told how many are written and gives those that follow. In a batch run the input ends with them. */
  readonly feed?: Feed;
  /** In a batch run that another instance feeds: the input ends where that one says. @default false */
  readonly awaitFeed?: boolean;
  /** Starts although state or offsets of an earlier run do not fit any more: a step with state was removed, a topic was deleted and made anew. What does not fit is given up. @default false [allowNonRestoredState] */
  readonly allowNonRestoredState?: boolean;
  /** Ends the run when it is aborted: a start that is under way, such as one that waits for a first topic, rejects with an error APP_CLOSED, and an app that runs is closed. @default only `close` ends it */
  readonly signal?: AbortSignal;
  /**
   * For development: whatever a function of the program is given is frozen with all that it leads to, so that one which changes it in place throws there, as a StepError. Costs time with each record. @default false [pipeline.object-reuse, as its opposite]
   */
  readonly freezeValues?: boolean;
  /** Listeners, there before the first event. */
  readonly on?: Listeners;
  /** Where the library says what it does. @default nowhere */
  readonly logger?: Logger;
  /** @default the machine's */
  readonly clock?: Clock;
  /** @default the machine's */
  readonly random?: Random;
  /** A log of one's own, which is left open when the run ends. */
  readonly log?: Log;
  /** @default in memory */
  readonly stores?: StoreEngine;
  /** How often watermark generators are asked. @default 200 ms [pipeline.auto-watermark-interval] */
  readonly watermarkPeriod?: Duration;
}

const known: Readonly<Record<string, readonly string[]>> = {
  "": [
    "applicationId",
    "instanceId",
    "rack",
    "endpoint",
    "standbys",
    "acceptableRecoveryLag",
    "maxWarmupReplicas",
    "probingRebalanceInterval",
    "guarantee",
    "commit",
    "group",
    "transactionTimeout",
    "taskTimeout",
    "closeTimeout",
    "replication",
    "mode",
    "memory",
    "onUncaught",
    "feed",
    "awaitFeed",
    "allowNonRestoredState",
    "signal",
    "freezeValues",
    "on",
    "logger",
    "clock",
    "random",
    "log",
    "stores",
    "watermarkPeriod",
  ],
  commit: ["interval", "timeout", "minPause", "tolerableFailures"],
  group: ["sessionTimeout", "rebalanceTimeout", "heartbeat"],
  memory: [
    "inputBytes",
    "fetchBytes",
    "recordBytes",
    "overlayBytes",
    "cacheBytes",
    "internalBytes",
    "pendingBytes",
    "restoreBytes",
    "feedBytes",
  ],
};

/** Refuses names that mean nothing, with the nearest one that does. */
export const checkOptions = (options: object, more: readonly string[] = []): void => {
  for (const [group, names] of Object.entries(known)) {
    const given: unknown = group === "" ? options : (options as Record<string, unknown>)[group];
    if (given !== undefined && (typeof given !== "object" || given === null))
      throw invalid(`Option '${group}' is ${shown(given)}: give an object, such as { ${names[0]}: ... }`);
    for (const name of Object.keys(given ?? {})) {
      const allowed = group === "" ? [...names, ...more] : names;
      if (allowed.includes(name)) continue;
      const full = group === "" ? name : `${group}.${name}`;
      const guess = nearest(name, allowed);
      throw invalid(
        `There is no option '${full}'${guess === undefined ? "" : `: did you mean '${group === "" ? guess : `${group}.${guess}`}'?`}`,
      );
    }
  }
  const { mode, onUncaught } = options as RunOptions;
  choice("mode", mode, ["streaming", "batch"]);
  if (typeof onUncaught !== "function")
    choice("onUncaught", onUncaught, ["replace-worker", "stop-instance", "stop-application"], " or a function");
};

/** The options with all defaults filled in, and checked. */
export const settingsOf = (topology: string, options: RunOptions): Settings => {
  const { commit = {}, group = {}, memory = {}, rack = "", endpoint = "", standbys = 0 } = options;
  const { applicationId = topology, instanceId = null, guarantee = "exactly-once", replication = -1 } = options;
  nameOf("applicationId", applicationId, "it becomes part of topic names");
  if (instanceId !== null) nameOf("instanceId", instanceId, "it names this instance in the group");
  if (endpoint !== "" && !isEndpoint(endpoint))
    throw invalid(`Option 'endpoint' is ${shown(endpoint)}: give host and port, such as "10.0.0.7:8080"`);
  if (rack !== "") nameOf("rack", rack, "it is compared with those of other instances");
  choice("guarantee", guarantee, ["exactly-once", "at-least-once", "none"]);
  if (replication !== -1 && !(Number.isInteger(replication) && replication > 0))
    throw invalid(`Option 'replication' is ${shown(replication)}: give a whole number above 0, or -1 for the brokers' default`);
  const commitIntervalMs = duration(commit.interval ?? 100, "commit.interval");
  if (commitIntervalMs === 0) throw invalid("Option 'commit.interval' is 0: give at least millis(1)");
  return {
    applicationId,
    guarantee,
    commitIntervalMs,
    commitTimeoutMs: duration(commit.timeout ?? options.transactionTimeout ?? 60_000, "commit.timeout"),
    commitMinPauseMs: duration(commit.minPause ?? 0, "commit.minPause"),
    tolerableFailures: tolerable(commit.tolerableFailures ?? Number.POSITIVE_INFINITY),
    transactionTimeoutMs: duration(options.transactionTimeout ?? 60_000, "transactionTimeout"),
    taskTimeoutMs: duration(options.taskTimeout ?? 300_000, "taskTimeout"),
    sessionTimeoutMs: duration(group.sessionTimeout ?? 45_000, "group.sessionTimeout"),
    rebalanceTimeoutMs: duration(group.rebalanceTimeout ?? 60_000, "group.rebalanceTimeout"),
    heartbeatMs: duration(group.heartbeat ?? Math.min(3000, (group.sessionTimeout ?? 45_000) / 3), "group.heartbeat"),
    groupInstanceId: instanceId,
    rack,
    endpoint,
    standbys: count(standbys, "standbys"),
    warmupReplicas: count(options.maxWarmupReplicas ?? 2, "maxWarmupReplicas"),
    acceptableLag: count(options.acceptableRecoveryLag ?? 10_000, "acceptableRecoveryLag"),
    probingIntervalMs: probing(options.probingRebalanceInterval ?? 600_000),
    inputBytes: bytes(memory.inputBytes ?? 128 << 20, "memory.inputBytes"),
    fetchBytes: bytes(memory.fetchBytes ?? 64 << 20, "memory.fetchBytes"),
    recordBytesMax: bytes(memory.recordBytes ?? 64 << 20, "memory.recordBytes"),
    overlayBytes: bytes(memory.overlayBytes ?? 128 << 20, "memory.overlayBytes"),
    cacheBytes: bytes(memory.cacheBytes ?? 128 << 20, "memory.cacheBytes"),
    internalBytes: bytes(memory.internalBytes ?? 128 << 20, "memory.internalBytes"),
    pendingBytes: bytes(memory.pendingBytes ?? 64 << 20, "memory.pendingBytes"),
    restoreBytes: bytes(memory.restoreBytes ?? 8 << 20, "memory.restoreBytes"),
    feedBytes: bytes(memory.feedBytes ?? 32 << 20, "memory.feedBytes"),
    replication,
    watermarkPeriodMs: duration(options.watermarkPeriod ?? 200, "watermarkPeriod"),
  };
};

/** Other instances will connect to it: nothing but a name or an address, and a port. */
const isEndpoint = (endpoint: unknown): boolean =>
  typeof endpoint === "string" && /^([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):\d{1,5}$/.test(endpoint);

const bytes = (value: number, name: string): number => {
  if (!Number.isInteger(value) || value < 1) throw invalid(`Option '${name}' is ${shown(value)}: give a whole number above 0`);
  return value;
};

const count = (value: number, name: string): number => {
  if (!Number.isInteger(value) || value < 0) throw invalid(`Option '${name}' is ${shown(value)}: give a whole number`);
  return value;
};

const probing = (interval: Duration | number): number => {
  const intervalMs = duration(interval, "probingRebalanceInterval");
  if (intervalMs < 1) throw invalid(`Option 'probingRebalanceInterval' is ${shown(intervalMs)}: give at least millis(1)`);
  return Math.round(intervalMs);
};

const tolerable = (failures: number): number => {
  if (failures !== Number.POSITIVE_INFINITY && !(Number.isInteger(failures) && failures >= 0))
    throw invalid(`Option 'commit.tolerableFailures' is ${shown(failures)}: give a whole number`);
  return failures;
};

const choice = (name: string, value: unknown, allowed: readonly string[], more = ""): void => {
  if (value === undefined || allowed.includes(value as string)) return;
  const all = allowed.map((one) => `"${one}"`);
  const last = more === "" ? ` or ${all.pop()}` : more;
  throw invalid(`${name} is '${String(value)}': choose ${all.join(", ")}${last}`);
};

const nameOf = (option: string, name: unknown, why: string): void => {
  if (typeof name === "string" && /^[A-Za-z0-9._-]{1,150}$/.test(name) && name !== "." && name !== "..") return;
  throw new ConfigurationError(
    "NAME_INVALID",
    `${option} is '${String(name)}': ${why}, so use 1 to 150 letters, digits, dots, dashes and underscores`,
  );
};

const shown = (value: unknown): string => (typeof value === "string" ? `the text "${value}"` : String(value));

const invalid = (message: string): ConfigurationError => new ConfigurationError("OPTION_INVALID", message);
