import type { Stamped } from "../state/stamped.ts";

/**
 * What is kept of a window's records, for the current key. Windows are named as their space knows them; for windows that merge it is the one that holds the state.
 */
export interface Contents {
  /**
   * True when there was nothing before.
   * @param newest It is the first of the record's windows; those that are over are not counted.
   */
  add(window: unknown, value: unknown, timestamp: number, newest: boolean): boolean;
  /** The contents of all the others become contents of the first, in this order. */
  merge(into: unknown, from: readonly unknown[]): void;
  /**
   * The record that was just added is too late for this window and all before it. Where windows share what they hold: should event time begin anew, it is
   * still not theirs.
   */
  tooLate?(window: unknown): void;
  /**
   * Adds a record all of whose windows take it, if most of them know already that they have records: gives those that do not. Undefined: it was not added, and all windows must be looked at.
   * @param now windows whose last moment this is, or an earlier one, have spoken
   */
  share?(value: unknown, timestamp: number, now: number): readonly unknown[] | undefined;
}

/** Contents that are evaluated when a trigger says so, and go with their window. */
export interface PaneContents extends Contents {
  /**
   * Calls the function with what the window function works on; not at all when the pane is empty. `actual` is the window itself, `window` the one that
   * holds the state.
   */
  evaluate(window: unknown, actual: unknown, call: (input: unknown) => void): void;
  clear(window: unknown): void;
  /** A timer fires: the records before it are done with. */
  settle?(): void;
}

/** Contents that are rows of a table: they stay for as long as the retention says, and each record makes another of them. */
export interface RowContents extends Contents {
  /** Of the row to which the record at hand was added: its accumulator, null or undefined when there is no row any more; what those behind know it to have been; and its timestamp. */
  readonly now: unknown;
  readonly was: unknown;
  readonly at: number;
  /** What those behind know of a row that others become part of; undefined when they have forgotten it. */
  known(window: unknown): unknown;
  /** The row of a window that is over. */
  closed(window: unknown): Stamped<unknown> | undefined;
}
