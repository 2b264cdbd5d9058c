/** What one attempt came to. After progress the count of attempts begins again. */
export type Attempt<W> =
  | { readonly kind: "done" }
  | { readonly kind: "again"; readonly left: W; readonly why: string; readonly progress: boolean };

/** Where waiting and chance come from: the machine, or a test. */
export interface Waiting {
  pause(ms: number, signal: AbortSignal): Promise<void>;
  random(): number;
}

export interface Persistence<W> {
  /** Attempts without progress. */
  readonly attempts: number;
  /** Before the second attempt; doubled before each further one, up to `pauseMaxMs`. */
  readonly pauseMs: number;
  readonly pauseMaxMs: number;
  readonly waiting: Waiting;
  readonly signal: AbortSignal;
  /** Is told before each pause. */
  onPause(pause: { readonly why: string; readonly attempt: number; readonly waitMs: number }): void;
  /** The error of giving up. */
  gaveUp(left: W, why: string): Error;
}

/**
 * Works until nothing is left, with growing pauses after what was in vain. Each pause is shortened by chance by up to a half, so that several instances which were refused
 * together do not come back together.
 */
export const persist = async <W>(work: W, options: Persistence<W>, attempt: (left: W) => Promise<Attempt<W>>): Promise<void> => {
  let left = work;
  for (let inVain = 0; ; ) {
    const outcome = await attempt(left);
    if (outcome.kind === "done") return;
    left = outcome.left;
    inVain = outcome.progress ? 1 : inVain + 1;
    if (inVain >= options.attempts) throw options.gaveUp(left, outcome.why);
    const waitMs = Math.min(options.pauseMs * 2 ** (inVain - 1), options.pauseMaxMs) * (1 - options.waiting.random() / 2);
    options.onPause({ why: outcome.why, attempt: inVain, waitMs });
    await options.waiting.pause(waitMs, options.signal);
  }
};
