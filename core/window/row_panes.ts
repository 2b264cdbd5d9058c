import type { Aggregator } from "../state/aggregator.ts";
import type { Stamped } from "../state/stamped.ts";
import type { StepState } from "../state/step_state.ts";
import type { RowContents } from "./contents.ts";
import type { RevisedPanes } from "./revised_panes.ts";

/** What a window begins with that is made of its neighbours, even if it is there. */
export interface Beginning {
  /** Undefined: of nothing. */
  readonly from: Stamped<unknown> | undefined;
  /** It holds what later records have brought, and not the record at hand. */
  readonly asItIs: boolean;
}

/** Windows that do not merge as the rows of a table. The timestamp of a row is the largest of its records. */
export class RowPanes implements RowContents {
  now: unknown;
  was: unknown;
  at = 0;
  readonly #state: StepState;
  readonly #panes: RevisedPanes<unknown>;
  readonly #aggregator: Aggregator<unknown, unknown, unknown>;
  readonly #cached: boolean;
  readonly #begin: ((start: number) => Beginning | undefined) | undefined;

  /** @param begin for windows that are made of others, what this one begins with */
  constructor(
    state: StepState,
    panes: RevisedPanes<unknown>,
    { aggregator, cached }: { readonly aggregator: Aggregator<any, any, any>; readonly cached: boolean },
    begin?: (start: number) => Beginning | undefined,
  ) {
    this.#state = state;
    this.#panes = panes;
    this.#aggregator = aggregator;
    this.#cached = cached;
    this.#begin = begin;
  }

  add(window: unknown, value: unknown, timestamp: number): boolean {
    const start = window as number;
    const { init, add } = this.#aggregator;
    const pane = this.#panes.get(start);
    const begun = this.#begin?.(start);
    if (begun?.asItIs) {
      this.now = begun.from!.value;
      this.was = undefined;
      this.at = begun.from!.at;
    } else {
      const before = begun === undefined ? pane : begun.from;
      const basis = before === undefined ? init() : before.value;
      this.now = add(basis, value, this.#state.key);
      // A row begins with what was there without the record, and so those behind are told; only what is held back until a commit knows better.
      this.was = pane === undefined && this.#cached ? undefined : basis;
      this.at = pane === undefined || begun !== undefined ? timestamp : Math.max(timestamp, pane.at);
    }
    this.#panes.set(start, this.now, this.at);
    return pane === undefined;
  }

  merge(): void {
    throw new Error("Windows of one size do not merge");
  }

  known(): unknown {
    return undefined;
  }

  closed(window: unknown): Stamped<unknown> | undefined {
    return this.#panes.get(window as number);
  }
}
