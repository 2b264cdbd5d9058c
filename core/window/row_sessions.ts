import type { Aggregator } from "../state/aggregator.ts";
import type { Stamped } from "../state/stamped.ts";
import type { StepState } from "../state/step_state.ts";
import type { RowContents } from "./contents.ts";
import type { Merge, Merging } from "./merging_windows.ts";
import type { RevisedPanes } from "./revised_panes.ts";
import { SessionWindow } from "./session_window.ts";
import type { MergingWindow } from "./window.ts";

/**
 * Sessions as the rows of a table. The rows of those that a record joins go before the new one is written, also where its bounds are those of an old one; only a session of one moment that gets another record of that moment stays.
 * The timestamp of a row is that of its last record.
 */
export class RowSessions implements RowContents, Merging {
  now: unknown;
  was: unknown;
  at = 0;
  readonly #state: StepState;
  readonly #sessions: RevisedPanes<unknown>;
  readonly #aggregator: Aggregator<unknown, unknown, unknown>;
  readonly #cached: boolean;
  readonly #gapMs: number;
  /** What the session at hand begins with, which others have become part of. */
  #merged: { readonly accumulator: unknown } | undefined;

  constructor(
    state: StepState,
    sessions: RevisedPanes<unknown>,
    { aggregator, cached }: { readonly aggregator: Aggregator<any, any, any>; readonly cached: boolean },
    gapMs: number,
  ) {
    this.#state = state;
    this.#sessions = sessions;
    this.#aggregator = aggregator;
    this.#cached = cached;
    this.#gapMs = gapMs;
  }

  /** By their ends. */
  touching({ start, end }: MergingWindow): readonly MergingWindow[] {
    return this.#sessions
      .where((first, last) => last + this.#gapMs >= start && first <= end)
      .map(([first, { at }]) => new SessionWindow(first, at + this.#gapMs));
  }

  stays({ start, end }: MergingWindow): boolean {
    return end - start === this.#gapMs;
  }

  join({ window, from }: Merge): readonly MergingWindow[] {
    return from.length === 0 ? from : [window, ...from];
  }

  held(window: MergingWindow): MergingWindow {
    return window;
  }

  merge(_into: unknown, from: readonly unknown[]): void {
    const { init, merge } = this.#aggregator;
    let accumulator = init();
    for (const { start } of from as readonly MergingWindow[]) {
      accumulator = merge!(accumulator, this.#sessions.hidden(start)!.value, this.#state.key);
      this.#sessions.delete(start);
    }
    this.#merged = { accumulator };
  }

  add(window: unknown, value: unknown): boolean {
    const { start, end } = window as MergingWindow;
    const { init, add, merge } = this.#aggregator;
    const { key } = this.#state;
    const merged = this.#merged;
    this.#merged = undefined;
    const same = merged === undefined ? this.#sessions.get(start) : undefined;
    const basis = merged !== undefined ? merged.accumulator : same === undefined ? init() : merge!(init(), same.value, key);
    this.now = add(basis, value, key);
    // Nobody is told what a session was before, except where changes are held back: a deletion is told of what was there.
    this.was = this.#cached && same !== undefined && this.#sessions.isKept(start, same) ? same.value : undefined;
    this.at = end - this.#gapMs;
    this.#sessions.set(start, this.now, this.at);
    return same === undefined;
  }

  /** Of a row that has left the retention nobody is told that it goes: it is as if it had not been there. */
  known(window: unknown): unknown {
    const { start } = window as MergingWindow;
    const session = this.#sessions.hidden(start);
    return session !== undefined && this.#sessions.isKept(start, session) ? session.value : undefined;
  }

  /** A session is told when it is over, which may be later than it can be seen. */
  closed(window: unknown): Stamped<unknown> | undefined {
    return this.#sessions.hidden((window as MergingWindow).start);
  }
}
