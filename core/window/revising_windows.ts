import { forwardChanges } from "../operators/forward_changes.ts";
import type { Operator, OperatorContext } from "../operators/operator.ts";
import { noHeaders, type RawHeaders } from "../ports/log.ts";
import { RecordMeta } from "../record.ts";
import { type Aggregator, resultOf } from "../state/aggregator.ts";
import { valueCodec } from "../state/codecs.ts";
import type { OrderedTable } from "../state/ordered_table.ts";
import { StreamTime } from "../state/stream_time.ts";
import { writeSortable } from "../state/sub_key.ts";
import { type TimeKey, timeKey } from "../state/time_key.ts";
import type { Assigner } from "./assigner.ts";
import { reviseAround } from "./revise_around.ts";
import { reviseFixed } from "./revise_fixed.ts";
import { reviseSessions } from "./revise_sessions.ts";
import type { Revision } from "./revision.ts";
import type { Window } from "./window.ts";

/** What a windowed step is told whose windows are the rows of a table. */
export interface RevisingPlan {
  readonly assigner: Assigner<any, any>;
  readonly revision: Revision;
  readonly aggregator: Aggregator<any, any, any, any>;
  /** How long after its end a window takes records. */
  readonly latenessMs: number;
  /** For how long windows are kept, counted from their beginning. */
  readonly retentionMs: number;
  readonly single: boolean;
  /** Each of the streams that the values are from has a time of its own. */
  readonly ownTimes: boolean;
  readonly before: boolean;
  readonly cached: boolean;
}

/** One kind of windows, as far as it differs from the others. */
export interface Revising {
  /** A record of the current key. False: the kind does not look for windows that are over because of it. */
  record(value: unknown, record: RecordMeta): boolean;
  /** The result of a window that is over, by what the index knows of it; undefined when it is no longer there. */
  closed(place: number): { readonly window: Window; readonly value: unknown; readonly timestamp: number } | undefined;
  /** Of two windows that are over, the one whose place is smaller is told first. How much later than its place a window is over. */
  readonly overAfterMs: number;
  /** Records without a value are dropped and counted, and have no say in what time it is. */
  readonly needsValue?: boolean;
}

/** What the kinds of windows have in common. */
export interface RevisingWork {
  readonly context: OperatorContext;
  readonly plan: RevisingPlan;
  /** Windows that end here or earlier are over. */
  closeTime(): number;
  /** Tells that a row has changed. Where windows speak at their end only, nobody hears of it. */
  changed(window: Window, value: unknown, was: unknown, record: RecordMeta, timestamp: number, headers: RawHeaders): void;
  /** A window has come to be, or has gone, that is told at its end; of windows with one place the smaller `start` comes first. */
  opened(place: number, start: number): void;
  gone(place: number, start: number): void;
  /** A record has come too late for a window. */
  late(): void;
}

/**
 * Windows whose results are revised, by records or once at their end. A window takes records until stream time, or the watermark, has passed its end by the lateness. The timestamp of a row is the largest of its records
 * (Kafka Streams: KStreamWindowAggregate, KStreamSlidingWindowAggregate, KStreamSessionWindowAggregate).
 */
export const revisingWindows = (context: OperatorContext, plan: RevisingPlan): Operator => {
  const { assigner, revision, latenessMs, aggregator } = plan;
  const { state } = context;
  state.holdsBack = plan.cached;
  const { forward, flush } = forwardChanges(context, { before: plan.before, cached: plan.cached && revision.name === "update" });
  let time = new StreamTime(state);
  const timesOf = new Map<string, StreamTime>();
  /** One stream of several that runs ahead makes nothing of the others late (Kafka Streams: a cogroup is one aggregation per stream on one store). */
  const timeOf = (value: unknown): StreamTime => {
    const from = String((value as { readonly from?: unknown } | null)?.from ?? "");
    let known = timesOf.get(from);
    if (known === undefined) timesOf.set(from, (known = new StreamTime(state, `stream-time:${from}`)));
    return known;
  };
  const told = new StreamTime(state, "r:told");
  const final = revision.name === "close";
  const open: OrderedTable<TimeKey, unknown> | undefined = final ? state.ordered("r:open", timeKey, valueCodec<unknown>()) : undefined;
  let nextLookMs = Number.NEGATIVE_INFINITY;

  const closeTime = (): number => (revision.clock === "stream-time" ? time.now - latenessMs : context.watermark() + 1 - latenessMs);
  const placeOf = (place: number, start: number): TimeKey => {
    const key = state.keys.encode(state.key);
    const bytes = new Uint8Array(8 + key.length);
    writeSortable(bytes, 0, start);
    bytes.set(key, 8);
    return { time: place, rank: 0, key: bytes, number: start };
  };
  const work: RevisingWork = {
    context,
    plan,
    closeTime,
    changed: (window, value, was, record, timestamp, headers) => {
      if (final) return;
      const result = value === null || value === undefined ? null : (resultOf(aggregator, value) ?? null);
      const before = was === null || was === undefined ? undefined : (resultOf(aggregator, was) ?? undefined);
      // Where changes are held back, a deletion has the time of the record that asked for it; a session's is always its end.
      const at = result === null && plan.cached && !assigner.merging ? record.timestamp : timestamp;
      const meta = new RecordMeta({ key: state.key, window }, at, headers, record.topic, record.partition, record.offset);
      forward(result, meta, before, true, `${window.start}:${window.end}:${typeof state.mapKey}:${String(state.mapKey)}`);
    },
    opened: (place, start) => open?.set(placeOf(place, start), state.key),
    gone: (place, start) => open?.delete(placeOf(place, start)),
    late: () => context.count("late_records"),
  };
  const windows: Revising = assigner.name === "around" ? reviseAround(work) : assigner.merging ? reviseSessions(work) : reviseFixed(work);

  /** Tells of the windows that are over since the last time. */
  const tell = (record: RecordMeta | undefined): void => {
    if (revision.everyMs > 0) {
      const nowMs = context.processingTime();
      if (nowMs < nextLookMs) return;
      nextLookMs = nowMs + revision.everyMs;
    }
    const upTo = closeTime();
    if (upTo <= told.now) return;
    for (let first = open!.first(); first !== undefined && first[0].time + windows.overAfterMs <= upTo; first = open!.first()) {
      const [place, key] = first;
      open!.delete(place);
      state.setKey(key);
      const closed = windows.closed(place.number);
      if (closed === undefined) continue;
      const { window, value, timestamp } = closed;
      const meta = new RecordMeta(
        { key, window },
        timestamp,
        record?.rawHeaders ?? noHeaders,
        record?.topic ?? "",
        record?.partition ?? -1,
        record?.offset ?? -1,
      );
      const result = resultOf(aggregator, value);
      if (result !== null && result !== undefined) forward(result, meta, undefined);
    }
    told.advance(upTo);
  };

  return {
    inputs: [
      (value, record) => {
        const key = plan.single ? null : record.key;
        if ((key === null || key === undefined) && !plan.single) {
          context.count("dropped_null_key");
          return;
        }
        if (windows.needsValue && (value === null || value === undefined)) {
          context.count("dropped_null_value");
          return;
        }
        state.setKey(key);
        if (plan.ownTimes) time = timeOf(value);
        time.advance(record.timestamp);
        if (windows.record(value, record) && final && revision.clock === "stream-time") tell(record);
      },
    ],
    onCommit: () => {
      flush?.();
      state.cleanUp();
    },
    onWatermark: () => {
      flush?.();
      if (final && revision.clock === "watermark") tell(undefined);
    },
    ...(final && revision.clock === "watermark" ? { holds: () => open!.size > 0 } : {}),
  };
};
