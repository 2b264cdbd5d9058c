import type { RecordMeta } from "../record.ts";
import { Stamped } from "../state/stamped.ts";
import { keptMs, RevisedPanes } from "./revised_panes.ts";
import type { Revising, RevisingWork } from "./revising_windows.ts";

/**
 * Windows around records. A record goes into every window that is there and holds its time. Then come those that it makes: the one right behind the record before it, the one that ends with it, and the one right behind it where later records
 * are known. What a new window holds is known from those next to it, since windows are made whenever their contents change: the window that ends with the record before holds what the new one begins with
 * (Kafka Streams: KStreamSlidingWindowAggregate, KIP-450). Windows do not begin before 1970, so records of the first `difference` milliseconds share one.
 */
export const reviseAround = ({ context, plan, closeTime, changed, opened, late }: RevisingWork): Revising => {
  const { assigner, aggregator, retentionMs } = plan;
  const { init, add, serde } = aggregator;
  const { state } = context;
  const difference = assigner.parameters["difference"] as number;
  const panes = new RevisedPanes<unknown>(state, serde, keptMs(retentionMs, plan.revision), plan.cached);
  panes.cleanUp();
  const windowOf = (start: number) => assigner.space.window(start);

  const write = (start: number, accumulator: unknown, was: unknown, timestamp: number, record: RecordMeta): void => {
    const isNew = panes.get(start) === undefined;
    panes.set(start, accumulator, timestamp);
    if (isNew) opened(start, start);
    // What is held back until a commit knows that a new row was not there; otherwise it began with what `init` gives.
    changed(windowOf(start), accumulator, isNew && plan.cached ? undefined : was, record, timestamp, record.rawHeaders);
  };
  /** Adds the record to what the window holds; a window that is over takes nothing. */
  const update = (start: number, pane: Stamped<unknown>, value: unknown, record: RecordMeta): void => {
    if (windowOf(start).end <= closeTime()) {
      late();
      return;
    }
    const accumulator = add(pane.value, value, state.key);
    const isEmpty = pane.value === null || pane.value === undefined;
    write(start, accumulator, pane.value, isEmpty ? record.timestamp : Math.max(record.timestamp, pane.at), record);
  };
  const empty = (timestamp: number): Stamped<unknown> => new Stamped(timestamp, init());
  /** The window right behind the record holds what later records have brought, and not the record. */
  const openBehind = (record: RecordMeta, later: Stamped<unknown> | undefined): void => {
    if (later !== undefined && later.at > record.timestamp) write(record.timestamp + 1, later.value, undefined, later.at, record);
  };

  /** In the beginning of time there is no room for windows of their own: all records share the one that begins with it. */
  const recordEarly = (value: unknown, record: RecordMeta): void => {
    const { timestamp } = record;
    const starts = new Set<number>();
    let shared: Stamped<unknown> | undefined;
    let later: Stamped<unknown> | undefined;
    let earlierAt: number | undefined;
    for (const [start, pane] of panes.between(0, timestamp + 1)) {
      starts.add(start);
      if (start === 0) {
        shared = pane;
        if (pane.at < timestamp) earlierAt = pane.at;
      } else if (start <= timestamp) {
        later = pane;
        update(start, pane, value, record);
      }
    }
    if (later === undefined && shared !== undefined && shared.at > timestamp) later = shared;
    if (!starts.has(timestamp + 1)) openBehind(record, later);
    if (earlierAt !== undefined && !starts.has(earlierAt + 1)) update(earlierAt + 1, empty(timestamp), value, record);
    update(0, shared ?? empty(timestamp), value, record);
  };

  return {
    record: (value, record) => {
      const { timestamp } = record;
      if (timestamp + difference < closeTime()) {
        late();
        return false;
      }
      if (timestamp < difference) {
        recordEarly(value, record);
        return false;
      }
      const starts = new Set<number>();
      let earlier: Stamped<unknown> | undefined;
      let earlierAt: number | undefined;
      let later: Stamped<unknown> | undefined;
      let endsHere = false;
      for (const [start, pane] of [...panes.between(Math.max(0, timestamp - 2 * difference), timestamp + 1)].reverse()) {
        starts.add(start);
        const end = start + difference;
        if (start === timestamp + 1) continue;
        if (end > timestamp) {
          later ??= pane;
          update(start, pane, value, record);
        } else if (end === timestamp) {
          endsHere = true;
          update(start, pane, value, record);
          // Another record of the same time has made all windows that this one could make.
          if (pane.at >= timestamp) return true;
          earlierAt = pane.at;
        } else {
          earlier = pane;
          earlierAt = pane.at;
          break;
        }
      }
      if (earlierAt !== undefined && !starts.has(earlierAt + 1) && earlierAt + 1 + difference >= timestamp)
        update(earlierAt + 1, empty(timestamp), value, record);
      if (!endsHere) {
        const touches = earlierAt !== undefined && timestamp - difference <= earlierAt;
        update(timestamp - difference, touches ? new Stamped(timestamp, earlier!.value) : empty(timestamp), value, record);
      }
      if (!starts.has(timestamp + 1)) openBehind(record, later);
      return true;
    },
    closed: (start) => {
      const pane = panes.get(start);
      return pane === undefined ? undefined : { window: windowOf(start), value: pane.value, timestamp: pane.at };
    },
    overAfterMs: difference + 1,
    needsValue: true,
  };
};
