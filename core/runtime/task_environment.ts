import type { MillraceError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Outbox } from "../ports/log.ts";
import type { Logger } from "../ports/logger.ts";
import type { Counters } from "./counters.ts";
import type { TopicRef } from "./plan.ts";
import type { TopicLimits } from "./topic_limits.ts";

export type Guarantee = "exactly-once" | "at-least-once" | "none";

/** What a task finds around itself: its worker, seen from below. */
export interface TaskEnvironment {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: Counters;
  readonly guarantee: Guarantee;
  /** Every input has an end: idleness and the limit for future timestamps have no meaning. */
  readonly bounded: boolean;
  readonly watermarkIntervalMs: number;
  /** True where some source can fall idle, so that tasks have to tell their siblings how far they are. */
  readonly siblingsMatter: boolean;
  /** The open outbox: another one after each seal. */
  outbox(): Outbox;
  topicName(topic: TopicRef): string;
  partitionsOf(topic: string): number;
  limitsOf(topic: string): TopicLimits;
  /** False for a topic that only a policy's function has named so far: it has to be looked up first. */
  canWrite(topic: string): boolean;
  lookUp(topic: string, step: string | undefined): Promise<void>;
  tasksOf(subtopology: number): number;
  readonly controlTopic: string;
  readonly watermarksTopic: string;
  changelogTopic(store: string): string;
  /** Of the group, for watermark records: grows with each. */
  generation(): number;
  requestCommit(): void;
  /** A record was sent to a dead-letter topic, for this reason. */
  deadLettered(topic: string, error: MillraceError): void;
  /** How many bytes of the task may wait for something outside. One record may always, however long it is. */
  pendingBytesMax(): number;
  /** Something outside has finished: the worker looks again what there is to do. */
  wake(): void;
  /** The smallest watermark of the live tasks beside this one; undefined when there is none. */
  siblingWatermark(subtopology: number, partition: number): number | undefined;
}
