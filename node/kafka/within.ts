import type { Clock } from "../../core/ports/clock.ts";

/** What the work gives; an Error that says so when it takes longer. The work itself goes on. */
export const within = <Result>(clock: Clock, ms: number, work: Promise<Result>): Promise<Result> =>
  new Promise((resolve, reject) => {
    const timeout = clock.after(ms, () => reject(new Error(`No answer within ${ms} ms`)));
    work.then(resolve, reject).finally(() => timeout.cancel());
  });
