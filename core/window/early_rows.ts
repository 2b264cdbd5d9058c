import type { OperatorContext } from "../operators/operator.ts";
import { valueCodec } from "../state/codecs.ts";
import { type Stamped, stampedCodec } from "../state/stamped.ts";
import { numberSubKey } from "../state/sub_key.ts";
import type { RowsPlan } from "./window_spec.ts";

/** Rows of windows that are told at their end, or when a change of them has waited so long by the wall clock. All of the current key, by the starts of the windows. */
export interface EarlyRows {
  /** The row has changed: it waits from now on, if it does not wait already. */
  changed(start: number): void;
  /** Rows become part of another, which waits no longer than the first of them would have. Gives those that were told, and forgets them. */
  merged(into: number, from: readonly number[]): readonly (readonly [start: number, told: Stamped<unknown>])[];
  /** The window of the row is over: whether a change of it still waits, and what was told before. Both are forgotten. */
  take(start: number): { readonly waits: boolean; readonly told: Stamped<unknown> | undefined };
}

/**
 * The moments and what was told are state, so that a restart changes nothing.
 *
 * @param tell tells a row of the current key that has waited long enough, and gives it; undefined: there is none any more
 */
export const earlyRows = (
  context: OperatorContext,
  { aggregator }: RowsPlan,
  atLatestMs: number,
  tell: (start: number, told: Stamped<unknown> | undefined) => Stamped<unknown> | undefined,
): EarlyRows => {
  const { state } = context;
  const due = state.map<number, number>("r:due", numberSubKey, numberSubKey);
  const rows = state.map<number, Stamped<unknown>>("r:early", numberSubKey, stampedCodec(valueCodec<unknown>(aggregator.serde)));
  const endWaiting = (upTo: number): readonly number[] => {
    const over = due.entries().filter(([, at]) => at <= upTo);
    for (const [start] of over) due.delete(start);
    return over.map(([start]) => start);
  };
  // A timer is for all rows of a key that have waited until then; there may be none any more.
  const timers = context.processingTimers(
    (timestamp) => {
      for (const start of endWaiting(timestamp)) {
        const row = tell(start, rows.get(start));
        if (row === undefined) rows.delete(start);
        else rows.set(start, row);
      }
    },
    { leftOut: endWaiting },
  );
  const waitUntil = (start: number, at: number): void => {
    due.set(start, at);
    timers.set(at);
  };
  const take: EarlyRows["take"] = (start) => {
    const taken = { waits: due.has(start), told: rows.get(start) };
    due.delete(start);
    rows.delete(start);
    return taken;
  };
  return {
    changed: (start) => {
      if (!due.has(start)) waitUntil(start, context.processingTime() + atLatestMs);
    },
    merged: (into, from) => {
      const first = Math.min(...from.map((start) => due.get(start) ?? Number.POSITIVE_INFINITY));
      const told = from.flatMap((start) => {
        const { told } = take(start);
        return told === undefined ? [] : [[start, told] as const];
      });
      if (first !== Number.POSITIVE_INFINITY) waitUntil(into, first);
      return told;
    },
    take,
  };
};
