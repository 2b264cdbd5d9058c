import { compareEventIds } from "./event_id.ts";
import type { Run } from "./runs.ts";

/**
 * Binary heaps of runs in arrays, the run whose first event is the earliest on top, and the one that has not begun last of all. Runs that began with the same event come as the heap has them; Flink's queues are the same
 * heaps, so that where it matters which of them comes first (after "to-next" only one of them is given out) the choice is the same.
 */
export const compareRuns = (a: Run, b: Run): number => {
  if (a.start === undefined) return b.start === undefined ? 0 : 1;
  return b.start === undefined ? -1 : compareEventIds(a.start, b.start);
};

export const push = <R extends Run>(heap: R[], run: R): void => {
  let at = heap.length;
  heap.push(run);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (compareRuns(run, heap[parent]!) >= 0) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = run;
};

/** Takes the top off. */
export const pop = <R extends Run>(heap: R[]): R | undefined => {
  const top = heap[0];
  const last = heap.pop();
  if (last !== undefined && heap.length > 0) sink(heap, 0, last);
  return top;
};

/** Those for which the condition holds, as a heap. */
export const keep = <R extends Run>(heap: readonly R[], holds: (run: R) => boolean): R[] => {
  const kept = heap.filter(holds);
  if (kept.length < heap.length) for (let at = (kept.length >> 1) - 1; at >= 0; at--) sink(kept, at, kept[at]!);
  return kept;
};

const sink = <R extends Run>(heap: R[], at: number, run: R): void => {
  const parents = heap.length >> 1;
  while (at < parents) {
    let child = 2 * at + 1;
    if (child + 1 < heap.length && compareRuns(heap[child]!, heap[child + 1]!) > 0) child++;
    if (compareRuns(run, heap[child]!) <= 0) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = run;
};
