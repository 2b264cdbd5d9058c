import type { Clock } from "../ports/clock.ts";

/** Resolves after so many milliseconds, or as soon as the signal is aborted; no timer is left behind then. */
export const pause = (clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      timeout.cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timeout = clock.after(delayMs, done);
    signal.addEventListener("abort", done);
  });
