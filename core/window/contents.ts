/**
 * What is kept of a pane's records, for the current key. Windows are named as the state's namespaces know them; for windows that merge it is the one
 * that holds the state.
 */
export interface Contents {
  /**
   * True when the pane was empty before.
   * @param newest It is the first of the record's windows; those that are past are not counted.
   */
  add(window: unknown, value: unknown, timestamp: number, newest: boolean): boolean;
  /**
   * Calls the function with what the window function works on; not at all when the pane is empty. `actual` is the window itself, `window` the one that
   * holds the state.
   */
  evaluate(window: unknown, actual: unknown, call: (input: unknown) => void): void;
  /** The contents of all the others become contents of the first, in this order. */
  merge(into: unknown, from: readonly unknown[]): void;
  clear(window: unknown): void;
  /**
   * The record that was just added is too late for this window and all before it. Where windows share what they hold: should event time begin anew, it is
   * still not theirs.
   */
  tooLate?(window: unknown): void;
}
