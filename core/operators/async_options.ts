import type { Duration } from "../duration.ts";
import type { Meta } from "../record.ts";

/** What a request knows beside the value that it is for. */
export interface AsyncCall<out K> {
  readonly record: Meta<K>;
  /** Aborted when nobody waits for the answer any more: it took too long, or the task is let go of. */
  readonly signal: AbortSignal;
  /** 1 for the first attempt. */
  readonly attempt: number;
}

/** How an answer is looked at that may be asked for again. */
export interface AsyncRetry<R> {
  /** How often a request is sent at most, the first time included. */
  readonly attempts: number;
  /** How long to wait before the next attempt; `attempt` is the one that has failed, from 1. @default 100 ms, twice as long each time */
  readonly backoff?: Duration | ((attempt: number) => Duration);
  /** Whether to ask again. @default when the request has failed */
  readonly when?: (outcome: { readonly error?: unknown; readonly result?: R }) => boolean;
}

/** How requests are sent, and how their results go on. */
export interface AsyncOptions<V, R> {
  /**
   * "input": results leave in the order in which the records came. "key": those of one key do. "none": each leaves when it is there. In each case none overtakes a watermark, and none is overtaken by one.
   *
   * @default "input"
   */
  readonly order?: "input" | "key" | "none";
  /** So many records may be under way; when there are, no more are read. @default 100 */
  readonly capacity?: number;
  /** How long the record waits for its result, all attempts together. @default without an end: then a request that is never answered holds event time back for ever */
  readonly timeout?: Duration;
  /** The result for a record that has waited too long. @default the step fails, and its error policy decides */
  readonly onTimeout?: (value: V, record: Meta<any>) => R;
  /** How often to ask before a request counts as failed. Then the step fails: its error policy may leave the record out, but asks no further. @default a request is sent once */
  readonly retry?: AsyncRetry<R>;
}
