import type { StepState } from "./step_state.ts";

/** What the state of a step needs to know of the step's task: whose it is, where it is kept, and what time it is. */
export interface StateContext {
  /** The name that the user gave the step, or one made of its kind and place. */
  readonly step: string;
  /** The step's own store. Throws when the plan gives it none. */
  readonly state: StepState;
  /** The store of another step of the same task, or one that steps share, by its name. */
  stateOf(store: string): StepState;
  /** Of this step's inputs; -Infinity in the beginning, +Infinity when the input has ended. While event timers fire it is already the new one. */
  watermark(): number;
  /** The largest timestamp that any record of the task had so far, as far as this process knows. */
  streamTime(): number;
  /** Wall time of the Clock. */
  processingTime(): number;
  /** Adds one to a counter that is tagged with the step: late_records, dropped_null_key, ... */
  count(metric: string, by?: number): void;
}
