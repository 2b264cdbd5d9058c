import { setTimeout } from "node:timers/promises";

/** Lets work that holds the event loop have at most half of its time: one piece after the other, and after each a pause as long as it has taken. */
export class Halves {
  #free: Promise<unknown> = Promise.resolve();

  run<T>(work: () => T): Promise<T> {
    const done = this.#free.then(() => {
      const startMs = performance.now();
      try {
        return { value: work(), tookMs: performance.now() - startMs };
      } catch (error) {
        return { error, tookMs: performance.now() - startMs };
      }
    });
    this.#free = done.then(({ tookMs }) => (tookMs < negligibleMs ? undefined : setTimeout(tookMs, undefined, { ref: false })));
    return done.then((outcome) => {
      if ("error" in outcome) throw outcome.error;
      return outcome.value;
    });
  }
}

/** Less than a timer can tell. */
const negligibleMs = 1;
