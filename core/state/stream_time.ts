import type { StepState } from "./step_state.ts";
import type { TaskNumber } from "./task_number.ts";

/** The largest timestamp that a step has seen, over all keys of its task: what it judges lateness by where that is not the watermark's office. It is kept, so that a restart changes no result. */
export class StreamTime {
  readonly #time: TaskNumber;

  constructor(state: StepState, name = "stream-time") {
    this.#time = state.number(name, Number.NEGATIVE_INFINITY);
  }

  /** -Infinity as long as nothing was seen. */
  get now(): number {
    return this.#time.value;
  }

  /** Sees a timestamp, and gives the largest so far. */
  advance(timestamp: number): number {
    const before = this.#time.value;
    if (timestamp <= before) return before;
    this.#time.set(timestamp);
    return timestamp;
  }
}
