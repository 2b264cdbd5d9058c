import type { OperatorContext } from "../operators/operator.ts";
import type { Stamped } from "../state/stamped.ts";
import { type Assign, requireTimestamp } from "./assigner.ts";
import type { RevisedPanes } from "./revised_panes.ts";
import type { RowWindows } from "./row_windows.ts";
import type { RowsPlan } from "./window_spec.ts";
import { type Beginning, windowsAround } from "./windows_around.ts";

type Panes = RevisedPanes<unknown>;

/** Tumbling windows, those that slide by steps, and the one that never ends, as rows: told in the order of the windows, none of which begins before 1970. */
export const rowsOfOneSize = (context: OperatorContext, plan: RowsPlan, panes: Panes): RowWindows => {
  const assign = plan.assigner.open();
  return rowPanes(context, plan, panes, (value, timestamp, clock) => {
    const starts = assign(value, timestamp, clock) as readonly number[];
    return starts.length === 1 && starts[0]! >= 0 ? starts : starts.filter((start) => start >= 0).reverse();
  });
};

/** Windows around records as rows. A record is late when the window behind it is over. */
export const rowsAround = (context: OperatorContext, plan: RowsPlan, panes: Panes, isOver: (start: number) => boolean): RowWindows => {
  const difference = plan.assigner.parameters["difference"] as number;
  let beginnings: ReadonlyMap<number, Beginning | undefined> = new Map();
  const assign: Assign<unknown> = (_value, timestamp) => {
    requireTimestamp(timestamp);
    if (isOver(timestamp)) return [timestamp];
    const from = Math.max(0, timestamp - 2 * difference);
    const near = panes.where((start) => start >= from && start <= timestamp + 1);
    const windows = windowsAround(near, timestamp, difference);
    beginnings = new Map(windows);
    return windows.map(([start]) => start);
  };
  return Object.assign(
    rowPanes(context, plan, panes, assign, (start) => beginnings.get(start)),
    { needsValue: true, looks: (timestamp: number) => timestamp >= difference && !isOver(timestamp) },
  );
};

/** The timestamp of a row is the largest of its records. */
const rowPanes = (
  { state }: OperatorContext,
  { aggregator: { init, add }, cached }: RowsPlan,
  panes: Panes,
  assign: Assign<unknown>,
  begin?: (start: number) => Beginning | undefined,
): RowWindows => {
  const row = {
    assign,
    now: undefined as unknown,
    was: undefined as unknown,
    at: 0,
    add: (window: unknown, value: unknown, timestamp: number): boolean => {
      const start = window as number;
      const pane = panes.get(start);
      const begun = begin?.(start);
      if (begun?.asItIs) {
        row.now = begun.from!.value;
        row.was = undefined;
        row.at = begun.from!.at;
      } else {
        const before = begun === undefined ? pane : begun.from;
        const basis = before === undefined ? init() : before.value;
        row.now = add(basis, value, state.key);
        // A row begins with what was there without the record, and so those behind are told; only what is held back until a commit knows better.
        row.was = pane === undefined && cached ? undefined : basis;
        row.at = pane === undefined || begun !== undefined ? timestamp : Math.max(timestamp, pane.at);
      }
      panes.set(start, row.now, row.at);
      return pane === undefined;
    },
    closed: (start: unknown): Stamped<unknown> | undefined => panes.get(start as number),
    placeOf: (start: unknown): readonly [number, number] => [start as number, start as number],
    windowAt: (_place: number, start: number): unknown => start,
  };
  return row;
};
