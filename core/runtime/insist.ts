import type { Clock } from "../ports/clock.ts";
import { LogError } from "../ports/log.ts";
import { pause } from "./pause.ts";
import { unlessAborted } from "./unless_aborted.ts";

const firstPauseMs = 50;
const longestPauseMs = 10_000;

export interface InsistOptions {
  readonly clock: Clock;
  /** Ends the repetition, and the wait for an attempt that is under way. */
  readonly signal: AbortSignal;
  /** @default as often as it takes */
  readonly triesMax?: number;
  readonly onFailure?: (error: LogError) => void;
}

/** Repeats what the log could not do for now, with growing pauses in between. What will not pass by itself comes through at once. Rejects with a FatalError APP_CLOSED when the signal comes first. */
export const insist = async <T>(attempt: () => Promise<T>, options: InsistOptions): Promise<T> => {
  const { clock, signal, triesMax = Number.POSITIVE_INFINITY, onFailure } = options;
  for (let tries = 1; ; tries++)
    try {
      return await unlessAborted(attempt(), signal, "The worker was stopped while it waited for the log");
    } catch (error) {
      if (!isPassing(error) || signal.aborted || tries >= triesMax) throw error;
      onFailure?.(error);
      await pause(clock, Math.min(firstPauseMs * 2 ** (tries - 1), longestPauseMs), signal);
      if (signal.aborted) throw error;
    }
};

/** Faults of the network, of a broker that is away, of an epoch that is over: another attempt may succeed. */
export const isPassing = (error: unknown): error is LogError =>
  error instanceof LogError && error.disposition !== "configuration" && error.disposition !== "rejected";
