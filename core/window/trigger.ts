import type { OperatorContext } from "../operators/operator.ts";
import type { Window } from "./window.ts";

/** What a trigger makes of an event: nothing, evaluate the window, empty it, or both. */
export type Verdict = "continue" | "fire" | "purge" | "fire-and-purge";

/**
 * When a window speaks: every time the trigger fires, the result is one more record of the stream. Made by `onWatermark`, `onProcessingTime`,
 * `onCount`, `onInterval`, `onDelta`, `purging`,
 * `orTimeout` and `trigger`; `onNever` is one.
 */
export interface Trigger<in V, in W extends Window = Window> {
  /** With its parameters: for descriptions, and for telling whether a topology has changed. */
  readonly name: string;
  /** Its state can follow windows that merge, so it may be used with sessions. */
  readonly merges: boolean;
  /** It may empty a window before the window's end. */
  readonly purges: boolean;
  /** It asks for nothing but one firing at the window's end, in this time domain: a pane that has its timer need not be shown further records. */
  readonly onlyAtEnd?: "event" | "processing";
  /** Makes the trigger for one operator. */
  readonly open: (place: TriggerPlace<W>) => OpenTrigger<V>;
}

/** A trigger in one operator. Every method is called with the state's key and namespace set to those of the pane. */
export interface OpenTrigger<in V> {
  onRecord(value: V, timestamp: number): Verdict;
  onEventTimer(timestamp: number): Verdict;
  onProcessingTimer(timestamp: number): Verdict;
  /**
   * The windows `from`, as the state's namespaces know them, have become the current one: their state is gathered here. Afterwards `clear` is called for
   * each of them.
   */
  onMerge(from: readonly unknown[]): void;
  /** Removes all state and timers. */
  clear(): void;
}

/** What an open trigger finds around itself, all of it for the current pane. */
export interface TriggerPlace<out W extends Window = Window> {
  readonly context: OperatorContext;
  /** What the names of the trigger's own tables begin with. */
  readonly column: string;
  window(): W;
  maxTimestamp(): number;
  setEventTimer(timestamp: number): void;
  deleteEventTimer(timestamp: number): void;
  setProcessingTimer(timestamp: number): void;
  deleteProcessingTimer(timestamp: number): void;
}

export const fires = (verdict: Verdict): boolean => verdict === "fire" || verdict === "fire-and-purge";
export const purges = (verdict: Verdict): boolean => verdict === "purge" || verdict === "fire-and-purge";
