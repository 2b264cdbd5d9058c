import { type Clock, sleep } from "../ports/clock.ts";
import { LogError } from "../ports/log.ts";

/** How long a client goes on by itself when the log says "not now". */
export const retryLimitMs = 30_000;
const firstPauseMs = 5;
const longestPauseMs = 100;

/** Repeats what is refused with the disposition "retriable", at first soon, then more slowly; the last refusal comes through when the time is over. */
export const retried = async <T>(
  clock: Clock,
  limitMs: number,
  attempt: () => Promise<T>,
  again: (error: LogError) => boolean = isRetriable,
): Promise<T> => {
  const untilMs = clock.monotonic() + limitMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      return await attempt();
    } catch (error) {
      const leftMs = untilMs - clock.monotonic();
      if (!(error instanceof LogError) || !again(error) || leftMs <= 0) throw error;
      await sleep(clock, Math.min(pauseMs, leftMs));
    }
  }
};

const isRetriable = ({ disposition }: LogError): boolean => disposition === "retriable";

/** Who only asks for something is told at once that it is not there. */
export const unlessUnknown = (error: LogError): boolean => isRetriable(error) && error.code !== "UNKNOWN_TOPIC_OR_PARTITION";
