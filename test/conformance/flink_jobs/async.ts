import { millis } from "millrace";
import { harness, input } from "millrace/testing";
import type { Element, Shown, Start } from "./shapes.ts";

/** Requests that the vector answers. One element may have several results, or none. */
export const asyncJob = (job: any): Start => {
  // What a restored job asks for is answered as before, so this outlives the harness.
  const waiting = new Map<string, ((results: readonly unknown[]) => void)[]>();
  const name = (id: unknown): string => JSON.stringify(id);
  return (options) => {
    const test = harness(
      { in1: input<Element>() },
      ({ in1 }) => ({
        out: in1
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
      }),
      options,
    );
    const complete = (id: unknown, results: readonly unknown[]): void => {
      for (const resolve of waiting.get(name(id)) ?? []) resolve(results);
      waiting.delete(name(id));
    };
    return { test: test as any, inputs: ["in1"], also: [], complete };
  };
};
