import type { OperatorContext } from "../operators/operator.ts";
import type { Merging } from "./merging_windows.ts";
import type { RevisedPanes } from "./revised_panes.ts";
import type { RowWindows } from "./row_windows.ts";
import { SessionWindow } from "./session_window.ts";
import type { MergingWindow } from "./window.ts";
import type { RowsPlan } from "./window_spec.ts";

/**
 * Sessions as rows. Those that a record joins go before the new row is written, also where its bounds are those of an old one; only a session of one moment that gets another record of that moment stays.
 * The timestamp of a row is that of its last record.
 */
export const rowSessions = ({ state }: OperatorContext, plan: RowsPlan, sessions: RevisedPanes<unknown>): RowWindows => {
  const { init, add, merge } = plan.aggregator;
  const gapMs = plan.assigner.parameters["gap"] as number;
  const merging: Merging = {
    touching: ({ start, end }) =>
      sessions.where((first, last) => last + gapMs >= start && first <= end).map(([first, { at }]) => new SessionWindow(first, at + gapMs)),
    stays: ({ start, end }) => end - start === gapMs,
    join: ({ window, from }) => (from.length === 0 ? from : [window, ...from]),
    held: (window) => window,
  };
  /** What the session at hand begins with, which others have become part of. */
  let merged: { readonly accumulator: unknown } | undefined;
  const row = {
    assign: plan.assigner.open(),
    merging,
    now: undefined as unknown,
    was: undefined as unknown,
    at: 0,
    add: (window: unknown, value: unknown): boolean => {
      const { start, end } = window as MergingWindow;
      const begun = merged;
      merged = undefined;
      const same = begun === undefined ? sessions.get(start) : undefined;
      const basis = begun !== undefined ? begun.accumulator : same === undefined ? init() : merge!(init(), same.value, state.key);
      row.now = add(basis, value, state.key);
      // Nobody is told what a session was before, except where changes are held back: a deletion is told of what was there.
      row.was = plan.cached && same !== undefined && sessions.isKept(start, same) ? same.value : undefined;
      row.at = end - gapMs;
      sessions.set(start, row.now, row.at);
      return same === undefined;
    },
    merge: (_into: unknown, from: readonly unknown[]): void => {
      let accumulator = init();
      for (const { start } of from as readonly MergingWindow[]) {
        accumulator = merge!(accumulator, sessions.hidden(start)!.value, state.key);
        sessions.delete(start);
      }
      merged = { accumulator };
    },
    // Of a row that has left the retention nobody is told that it goes: it is as if it had not been there.
    known: (window: unknown): unknown => {
      const { start } = window as MergingWindow;
      const session = sessions.hidden(start)!;
      return sessions.isKept(start, session) ? session.value : undefined;
    },
    // A session is told when it is over, which may be later than it can be seen.
    closed: (window: unknown) => sessions.hidden((window as MergingWindow).start),
    placeOf: (window: unknown): readonly [number, number] => {
      const { start, end } = window as MergingWindow;
      return [end - gapMs, start];
    },
    windowAt: (last: number, start: number): unknown => new SessionWindow(start, last + gapMs),
  };
  return row;
};
