/**
 * What is kept of a window's records, for the current key. Windows are named as their space knows them; for windows that merge it is the one that holds the state.
 */
export interface Contents {
  /**
   * True when there was nothing before.
   * @param newest It is the first of the record's windows; those that are over are not counted.
   */
  add(window: unknown, value: unknown, timestamp: number, newest: boolean): boolean;
  /** The contents of all the others become contents of the first, in this order. Absent where windows never merge. */
  merge?(into: unknown, from: readonly unknown[]): void;
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
