import { FatalError } from "../errors.ts";

/** What a start says that was ended before it had come to anything. */
export const endedWords =
  "The start was ended by the signal that was given to run: the application has not begun, and nothing of it runs on";

/** Throws a FatalError APP_CLOSED when a start is not to go on. */
export const checkGoesOn = (signal: AbortSignal): void => {
  if (signal.aborted) throw new FatalError("APP_CLOSED", endedWords, { cause: signal.reason });
};
