import type { Stamped } from "../state/stamped.ts";
import type { Assign } from "./assigner.ts";
import type { Contents } from "./contents.ts";
import type { Merging } from "./merging_windows.ts";

/** One kind of windows as the rows of a table. What they hold stays for as long as the retention says, and each record makes another row of its window. */
export interface RowWindows extends Contents {
  readonly assign: Assign<unknown>;
  readonly merging?: Merging;
  /** Of the row to which the record at hand was added: its accumulator, null or undefined when there is no row any more; what those behind know it to have been; and its timestamp. */
  readonly now: unknown;
  readonly was: unknown;
  readonly at: number;
  /** What those behind know of a row that becomes part of another; undefined when they have forgotten it. */
  known?(window: unknown): unknown;
  /** The row of a window that is over. */
  closed(window: unknown): Stamped<unknown> | undefined;
  /** Where a window stands among those that wait for their end: by the first number, then by the second; and the window that stands there. */
  placeOf(window: unknown): readonly [place: number, start: number];
  windowAt(place: number, start: number): unknown;
  /** Records without a value are dropped and counted, and have no say in what time it is. */
  readonly needsValue?: boolean;
  /** Windows that are over are not looked for because of a record for which this does not hold. */
  looks?(timestamp: number): boolean;
}
