import { FatalError } from "../errors.ts";

/**
 * What the work comes to, or a FatalError APP_CLOSED as soon as the signal is aborted: work may hang for as long as the log does not answer. What becomes of it then nobody hears.
 * @param words what was ended, as a sentence without its period
 */
export const unlessAborted = <T>(work: Promise<T>, signal: AbortSignal, words: string): Promise<T> =>
  new Promise((resolve, reject) => {
    const abandon = (): void => reject(new FatalError("APP_CLOSED", words, { cause: signal.reason }));
    if (signal.aborted) abandon();
    signal.addEventListener("abort", abandon);
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abandon));
  });
