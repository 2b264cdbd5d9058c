import { type Clock, sleep } from "../../core/ports/clock.ts";
import { LogError } from "../../core/ports/log.ts";

export interface RetryOptions {
  readonly clock: Clock;
  /** How long to go on trying; the last error is thrown then. */
  readonly forMs: number;
  /** First pause; it doubles up to `pauseMaxMs`. */
  readonly pauseMs?: number;
  readonly pauseMaxMs?: number;
  /** Whether it makes sense to try again. Without it: when the error says "retriable". */
  again?(error: LogError): boolean;
  /** Asked before every pause, for instance to forget a leader. */
  beforeRetry?(error: LogError): void | Promise<void>;
}

/** Repeats an attempt that failed for a reason which may pass. */
export const retry = async <Result>(attempt: () => Promise<Result>, options: RetryOptions): Promise<Result> => {
  const { clock } = options;
  const pauseMaxMs = options.pauseMaxMs ?? 500;
  const until = clock.monotonic() + options.forMs;
  let pauseMs = options.pauseMs ?? 10;
  for (;;) {
    try {
      return await attempt();
    } catch (thrown) {
      if (!(thrown instanceof LogError) || !(options.again ?? isRetriable)(thrown) || clock.monotonic() + pauseMs > until) throw thrown;
      await options.beforeRetry?.(thrown);
      await sleep(clock, pauseMs);
      pauseMs = Math.min(pauseMs * 2, pauseMaxMs);
    }
  }
};

export const isRetriable = (error: LogError): boolean => error.disposition === "retriable";

/** For what does no harm when it happens twice: also when it is not known whether it happened. */
export const isRetriableOrIndefinite = (error: LogError): boolean =>
  error.disposition === "retriable" || error.disposition === "indefinite";
