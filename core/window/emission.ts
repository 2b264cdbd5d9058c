import type { Operator } from "../operators/operator.ts";
import type { RecordMeta } from "../record.ts";
import type { Assign } from "./assigner.ts";
import type { Closing } from "./closing.ts";
import type { Contents } from "./contents.ts";
import type { Merging } from "./merging_windows.ts";
import type { WindowTime } from "./window_time.ts";

/**
 * When windows speak, and what they say: what the window operator leaves to a policy. There are two: triggers make a result of a window whenever they say so (firing.ts), rows of a table tell how they have changed, or what they have come to
 * at the end (revising.ts). All is said of the state's current key.
 */
export interface Emission {
  /** A record was added to the window, whose contents are all there. */
  added(window: unknown, value: unknown, record: RecordMeta, isFirst: boolean): void;
  /** The windows `from`, each with its contents still, become part of the window. */
  merged(window: unknown, from: readonly unknown[], record: RecordMeta): void;
  /** The record has come too late for one of its windows. */
  missed?(): void;
  /** The record has been put into all windows that take it; into none unless `belongs`. */
  done(value: unknown, record: RecordMeta, belongs: boolean, now: number): void;
  /** What it does besides, as a part of the operator. */
  readonly hooks?: Omit<Operator, "inputs">;
}

/** What the path of a record consists of. */
export interface WindowParts {
  readonly assign: Assign<unknown>;
  readonly time: WindowTime;
  readonly closing: Closing;
  readonly merging: Merging | undefined;
  readonly contents: Contents;
  readonly emission: Emission;
  /** Records without a value are dropped and counted, and have no say in what time it is. */
  readonly needsValue?: boolean;
}
