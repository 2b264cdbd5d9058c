import { forwardChanges } from "../operators/forward_changes.ts";
import type { OperatorContext } from "../operators/operator.ts";
import { noHeaders } from "../ports/log.ts";
import { RecordMeta } from "../record.ts";
import { resultOf } from "../state/aggregator.ts";
import { valueCodec } from "../state/codecs.ts";
import type { Stamped } from "../state/stamped.ts";
import { StreamTime } from "../state/stream_time.ts";
import { writeSortable } from "../state/sub_key.ts";
import { type TimeKey, timeKey } from "../state/time_key.ts";
import { Closing } from "./closing.ts";
import { earlyRows } from "./early_rows.ts";
import type { Emission, WindowParts } from "./emission.ts";
import { RevisedPanes } from "./revised_panes.ts";
import { rowsAround, rowsOfOneSize } from "./row_panes.ts";
import { rowSessions } from "./row_sessions.ts";
import type { RowWindows } from "./row_windows.ts";
import type { Window } from "./window.ts";
import type { RowsPlan } from "./window_spec.ts";
import { streamTime, type WindowTime, watermarkTime } from "./window_time.ts";

/**
 * Windows that are the rows of a table: each record makes another row of its window, and what is told is the change, or the row once its window is over. Event time is stream time, or the watermark.
 */
export const revising = (context: OperatorContext, plan: RowsPlan): WindowParts => {
  const { assigner, aggregator, latenessMs, revision, cached } = plan;
  const { state } = context;
  state.holdsBack = cached;
  const panes = new RevisedPanes<unknown>(state, { ...plan.kept, cached, serde: aggregator.serde });
  panes.cleanUp();
  const time = revision.clock === "watermark" ? watermarkTime(context) : streamTime(context, plan.ownTimes);
  // In Kafka Streams the end of a session belongs to it.
  const closing = new Closing(assigner.space, "event", assigner.merging ? latenessMs + 1 : latenessMs);
  const rows = assigner.merging
    ? rowSessions(context, plan, panes)
    : assigner.name === "around"
      ? rowsAround(context, plan, panes, (start) => closing.isOver(start, time.now))
      : rowsOfOneSize(context, plan, panes);
  const { assign, merging, needsValue = false } = rows;
  return { assign, time, closing, merging, contents: rows, needsValue, emission: changesOf(context, plan, { panes, rows, time, closing }) };
};

interface Parts {
  readonly panes: RevisedPanes<unknown>;
  readonly rows: RowWindows;
  readonly time: WindowTime;
  readonly closing: Closing;
}

interface Shown {
  /** As the space knows it. */
  readonly known: unknown;
  readonly bounds: Window;
  readonly name: string;
}

const changesOf = (context: OperatorContext, plan: RowsPlan, { panes, rows, time, closing }: Parts): Emission => {
  const { aggregator, assigner, cached, latenessMs, revision } = plan;
  const { merging, space } = assigner;
  const { state } = context;
  const { forward, flush } = forwardChanges(context, { before: plan.before, cached: cached && revision.name === "update" });
  /** Windows that are told when they are over, by their places; undefined where every change is told. */
  const open = revision.name === "close" ? state.ordered<TimeKey, unknown>("r:open", timeKey, valueCodec<unknown>()) : undefined;
  const told = new StreamTime(state, "r:told");
  let nextLookMs = Number.NEGATIVE_INFINITY;
  const { atLatestMs } = revision;
  const early =
    atLatestMs === undefined
      ? undefined
      : earlyRows(context, plan, atLatestMs, (start, before) => tellRow(rows.windowAt(start, start), start, before));

  /** The row as others see it; null for none. */
  const resultFor = (accumulator: unknown): unknown =>
    accumulator === null || accumulator === undefined ? null : (resultOf(aggregator, accumulator) ?? null);
  let last: Shown | undefined;
  /** The window as others see it. Records in a row are mostly of one window, for which this is found out once. */
  const shown = (window: unknown): Shown => {
    if (last !== undefined && last.known === window) return last;
    const { start, end } = space.window(window);
    return (last = { known: window, bounds: { start, end }, name: `${start}:${end}:` });
  };
  const placeOf = (window: unknown): TimeKey => {
    const [time, number] = rows.placeOf(window);
    const key = state.keys.encode(state.key);
    const bytes = new Uint8Array(8 + key.length);
    writeSortable(bytes, 0, number);
    bytes.set(key, 8);
    return { time, rank: 0, key: bytes, number };
  };
  const changed = (window: unknown, now: unknown, was: unknown, at: number, record: RecordMeta): void => {
    const result = resultFor(now);
    // Where changes are held back, a deletion has the time of the record that asked for it; a session's is always its end.
    const timestamp = result === null && cached && !merging ? record.timestamp : at;
    // Only sessions that are held back until the commit keep the headers of their records.
    const headers = merging && !cached ? noHeaders : record.rawHeaders;
    const { bounds, name } = shown(window);
    const meta = new RecordMeta({ key: state.key, window: bounds }, timestamp, headers, record.topic, record.partition, record.offset);
    const id = cached ? name + typeof state.mapKey + String(state.mapKey) : undefined;
    forward(result, meta, resultFor(was) ?? undefined, true, id);
  };
  /** Tells the row as it is, and gives it. Undefined: it is gone. What has left the retention is not told any more. */
  const tellRow = (
    window: unknown,
    start: number,
    before: Stamped<unknown> | undefined,
    record?: RecordMeta,
  ): Stamped<unknown> | undefined => {
    const row = rows.closed(window);
    const result = resultFor(row?.value);
    const known = row ?? (panes.hidden(start) === undefined ? before : undefined);
    if (known === undefined || (result === null && before === undefined)) return undefined;
    const { rawHeaders = noHeaders, topic = "", partition = -1, offset = -1 } = record ?? {};
    // A session that could not be seen any more may have been replaced by one that begins with it.
    const { bounds } = shown(rows.windowAt(known.at, start));
    const meta = new RecordMeta({ key: state.key, window: bounds }, known.at, rawHeaders, topic, partition, offset);
    forward(result, meta, resultFor(before?.value) ?? undefined);
    return result === null ? undefined : row;
  };
  /** Tells of the windows that are over since the last time. */
  const tell = (record?: RecordMeta): void => {
    if (revision.everyMs > 0) {
      const nowMs = context.processingTime();
      if (nowMs < nextLookMs) return;
      nextLookMs = nowMs + revision.everyMs;
    }
    const { now } = time;
    const upTo = now + 1 - latenessMs;
    if (upTo <= told.now) return;
    for (let first = open!.first(); first !== undefined; first = open!.first()) {
      const [place, key] = first;
      const window = rows.windowAt(place.time, place.number);
      if (closing.at(window) > now) break;
      open!.delete(place);
      state.setKey(key);
      const known = early?.take(place.number);
      if (known?.waits !== false) tellRow(window, place.number, known?.told, record);
    }
    told.advance(upTo);
  };

  const byWatermark = open !== undefined && revision.clock === "watermark";
  const byRecords = open !== undefined && revision.clock === "stream-time";
  return {
    added: (window, _value, record, isFirst) => {
      const { now, was, at } = rows;
      if (open === undefined) return changed(window, now, was, at, record);
      if (isFirst && now !== null && now !== undefined) open.set(placeOf(window), state.key);
      early?.changed(rows.placeOf(window)[1]);
    },
    merged: (window, from, record) => {
      for (const before of from)
        if (open === undefined) changed(before, null, rows.known!(before), rows.placeOf(before)[0], record);
        else open.delete(placeOf(before));
      if (early === undefined) return;
      const startOf = (each: unknown): number => rows.placeOf(each)[1];
      for (const [start, row] of early.merged(startOf(window), from.map(startOf)))
        changed(rows.windowAt(row.at, start), null, row.value, row.at, record);
    },
    missed: () => context.count("late_records"),
    done: (_value, record) => {
      if (byRecords && rows.looks?.(record.timestamp) !== false) tell(record);
    },
    hooks: {
      onCommit: () => {
        flush?.();
        state.cleanUp();
      },
      onWatermark: () => {
        flush?.();
        if (byWatermark) tell();
      },
      ...(byWatermark ? { holds: () => open.size > 0 } : {}),
    },
  };
};
