import { millis } from "millrace";
import type { Element, Job, Shown } from "./shapes.ts";

/** Requests that the vector answers. One element may have several results, or none. */
export const asyncJob = (job: any): Job => {
  // What a restored job asks for is answered as before, so this outlives the harness.
  const waiting = new Map<string, ((results: readonly unknown[]) => void)[]>();
  const name = (id: unknown): string => JSON.stringify(id);
  const describe: Job["describe"] = ({ in1 }) => ({
    out: in1!
      .mapAsync(
        "ask",
        ({ value }) =>
          new Promise<readonly unknown[]>((resolve) => {
            waiting.set(name(value), [...(waiting.get(name(value)) ?? []), resolve]);
          }),
        {
          order: job.mode === "unordered" ? "none" : "input",
          timeout: millis(job.timeout),
          capacity: job.capacity,
          ...(job.emitOnTimeout ? { onTimeout: ({ value }: Element) => [{ timeout: value }] } : {}),
        },
      )
      .flatMap((results): readonly Shown[] => results.map((value) => ({ value }))),
  });
  const complete = (id: unknown, results: readonly unknown[]): void => {
    for (const resolve of waiting.get(name(id)) ?? []) resolve(results);
    waiting.delete(name(id));
  };
  return { inputs: ["in1"], describe, complete };
};
