import type { Stamped } from "../state/stamped.ts";

/** What a window begins with that is made of its neighbours, even if it is there. */
export interface Beginning {
  /** Undefined: of nothing. */
  readonly from: Stamped<unknown> | undefined;
  /** It holds what later records have brought, and not the record at hand. */
  readonly asItIs: boolean;
}

/** A window of a record, and what it begins with where that is not what it holds. */
export type WindowAround = readonly [start: number, beginning: Beginning | undefined];

type Panes = readonly (readonly [start: number, pane: Stamped<unknown>])[];

/**
 * The windows around a record, in the order in which they are told. It goes into every window that is there and holds its time. Then come those that it makes: the one right behind the record before it, the one that ends with it, and the one
 * right behind it where later records are known. What a new window holds is known from those next to it, since windows are made whenever their contents change: the window that ends with the record before holds what the new one begins with
 * (Kafka Streams: KStreamSlidingWindowAggregate, KIP-450).
 *
 * @param panes the windows of the key that begin between two differences before the record and a millisecond behind it, by their starts; a pane's timestamp is that of its last record
 */
export const windowsAround = (panes: Panes, timestamp: number, difference: number): readonly WindowAround[] => {
  if (timestamp < difference) return early(panes, timestamp);
  const found: WindowAround[] = [];
  const starts = new Set<number>();
  let earlier: Stamped<unknown> | undefined;
  let later: Stamped<unknown> | undefined;
  let endsHere = false;
  for (const [start, pane] of panes.toReversed()) {
    starts.add(start);
    const end = start + difference;
    if (start === timestamp + 1) continue;
    if (end >= timestamp) found.push([start, undefined]);
    if (end > timestamp) {
      later ??= pane;
      continue;
    }
    earlier = pane;
    if (end < timestamp) break;
    endsHere = true;
    // Another record of the same time has made all windows that this one could make.
    if (pane.at >= timestamp) return found;
  }
  if (earlier !== undefined && !starts.has(earlier.at + 1) && earlier.at + 1 + difference >= timestamp)
    found.push([earlier.at + 1, undefined]);
  if (!endsHere) {
    const touches = earlier !== undefined && timestamp - difference <= earlier.at;
    found.push([timestamp - difference, { from: touches ? earlier : undefined, asItIs: false }]);
  }
  return starts.has(timestamp + 1) ? found : found.concat(behind(timestamp, later));
};

/** In the beginning of time there is no room for windows of their own, as none begins before 1970: all records of the first difference share the one that begins then. */
const early = (panes: Panes, timestamp: number): readonly WindowAround[] => {
  const found: WindowAround[] = [];
  const starts = new Set<number>();
  let shared: Stamped<unknown> | undefined;
  let later: Stamped<unknown> | undefined;
  for (const [start, pane] of panes) {
    starts.add(start);
    if (start === 0) shared = pane;
    else if (start <= timestamp) {
      later = pane;
      found.push([start, undefined]);
    }
  }
  if (later === undefined && shared !== undefined && shared.at > timestamp) later = shared;
  if (!starts.has(timestamp + 1)) found.push(...behind(timestamp, later));
  if (shared !== undefined && shared.at < timestamp && !starts.has(shared.at + 1)) found.push([shared.at + 1, undefined]);
  found.push([0, undefined]);
  return found;
};

/** The window right behind the record holds what later records have brought, and not the record. */
const behind = (timestamp: number, later: Stamped<unknown> | undefined): readonly WindowAround[] =>
  later !== undefined && later.at > timestamp ? [[timestamp + 1, { from: later, asItIs: true }]] : [];
