import { type ChangeForwarder, forwardChanges } from "../operators/forward_changes.ts";
import type { Operator, OperatorContext } from "../operators/operator.ts";
import { noHeaders } from "../ports/log.ts";
import { RecordMeta } from "../record.ts";
import { resultOf } from "../state/aggregator.ts";
import { valueCodec } from "../state/codecs.ts";
import type { OrderedTable } from "../state/ordered_table.ts";
import { StreamTime } from "../state/stream_time.ts";
import { writeSortable } from "../state/sub_key.ts";
import { type TimeKey, timeKey } from "../state/time_key.ts";
import { type Assign, requireTimestamp } from "./assigner.ts";
import { Closing } from "./closing.ts";
import type { RowContents } from "./contents.ts";
import type { Emission, WindowParts } from "./emission.ts";
import type { Merging } from "./merging_windows.ts";
import { RevisedPanes } from "./revised_panes.ts";
import { RowPanes } from "./row_panes.ts";
import { RowSessions } from "./row_sessions.ts";
import { SessionWindow } from "./session_window.ts";
import type { Window } from "./window.ts";
import type { RowsPlan } from "./window_spec.ts";
import { streamTime, type WindowTime, watermarkTime } from "./window_time.ts";
import { type WindowAround, windowsAround } from "./windows_around.ts";

/**
 * Windows that are the rows of a table: each record makes another row of its window, and what is told is the change, or the row once its window is over. Event time is stream time, or the watermark.
 */
export const revising = (context: OperatorContext, plan: RowsPlan): WindowParts => {
  const { assigner, aggregator, latenessMs, revision } = plan;
  const { state } = context;
  state.holdsBack = plan.cached;
  const panes = new RevisedPanes<unknown>(state, { ...plan.kept, cached: plan.cached, serde: aggregator.serde });
  panes.cleanUp();
  const time = revision.clock === "watermark" ? watermarkTime(context) : streamTime(context, plan.ownTimes);
  // In Kafka Streams the end of a session belongs to it.
  const closing = new Closing(assigner.space, "event", assigner.merging ? latenessMs + 1 : latenessMs);
  const kind = assigner.merging
    ? sessions(context, plan, panes)
    : assigner.name === "around"
      ? aroundRecords(context, plan, panes, (window) => closing.isOver(window, time.now))
      : ofOneSize(context, plan, panes);
  return { ...kind, time, closing, emission: new Revising(context, plan, kind, time, closing) };
};

/** One kind of windows, as far as it differs from the others. */
interface Kind {
  readonly assign: Assign<unknown>;
  readonly contents: RowContents;
  readonly merging: Merging | undefined;
  readonly needsValue?: boolean;
  /** Where a window stands among those that wait for their end: by the first number, then by the second; and the window that stands there. */
  readonly placeOf: (window: any) => readonly [place: number, start: number];
  readonly windowAt: (place: number, start: number) => unknown;
  /** Windows that are over are not looked for because of a record that this does not hold for. */
  readonly looks?: (timestamp: number) => boolean;
}

const ofOneSize = ({ state }: OperatorContext, plan: RowsPlan, panes: RevisedPanes<unknown>): Kind => {
  const assign = plan.assigner.open();
  return {
    // An assigner gives the newest first; rows are told in the order of their windows, and none begins before 1970.
    assign: (value, timestamp, clock) => {
      const starts = assign(value, timestamp, clock) as readonly number[];
      return starts.length === 1 && starts[0]! >= 0 ? starts : starts.filter((start) => start >= 0).reverse();
    },
    contents: new RowPanes(state, panes, plan),
    merging: undefined,
    placeOf: (start: number) => [start, start],
    windowAt: (_place, start) => start,
  };
};

const aroundRecords = (
  { state }: OperatorContext,
  plan: RowsPlan,
  panes: RevisedPanes<unknown>,
  isOver: (start: number) => boolean,
): Kind => {
  const difference = plan.assigner.parameters["difference"] as number;
  let made: ReadonlyMap<number, WindowAround[1]> = new Map();
  return {
    assign: (_value, timestamp) => {
      requireTimestamp(timestamp);
      if (isOver(timestamp)) return [timestamp];
      const from = Math.max(0, timestamp - 2 * difference);
      const found = windowsAround(
        panes.where((start) => start >= from && start <= timestamp + 1),
        timestamp,
        difference,
      );
      made = new Map(found);
      return found.map(([start]) => start);
    },
    contents: new RowPanes(state, panes, plan, (start) => made.get(start)),
    merging: undefined,
    needsValue: true,
    placeOf: (start: number) => [start, start],
    windowAt: (_place, start) => start,
    looks: (timestamp) => timestamp >= difference && !isOver(timestamp),
  };
};

const sessions = ({ state }: OperatorContext, plan: RowsPlan, panes: RevisedPanes<unknown>): Kind => {
  const gapMs = plan.assigner.parameters["gap"] as number;
  const contents = new RowSessions(state, panes, plan, gapMs);
  return {
    assign: plan.assigner.open(),
    contents,
    merging: contents,
    placeOf: ({ start, end }: Window) => [end - gapMs, start],
    windowAt: (last, start) => new SessionWindow(start, last + gapMs),
  };
};

class Revising implements Emission {
  readonly hooks: Omit<Operator, "inputs">;
  readonly #context: OperatorContext;
  readonly #plan: RowsPlan;
  readonly #kind: Kind;
  readonly #time: WindowTime;
  readonly #closing: Closing;
  readonly #changes: ChangeForwarder;
  /** Windows that are told when they are over, by their places; undefined where every change is told. */
  readonly #open: OrderedTable<TimeKey, unknown> | undefined;
  readonly #told: StreamTime;
  #nextLookMs = Number.NEGATIVE_INFINITY;

  constructor(context: OperatorContext, plan: RowsPlan, kind: Kind, time: WindowTime, closing: Closing) {
    const { state } = context;
    const { name, clock } = plan.revision;
    this.#context = context;
    this.#plan = plan;
    this.#kind = kind;
    this.#time = time;
    this.#closing = closing;
    this.#changes = forwardChanges(context, { before: plan.before, cached: plan.cached && name === "update" });
    this.#open = name === "close" ? state.ordered("r:open", timeKey, valueCodec<unknown>()) : undefined;
    this.#told = new StreamTime(state, "r:told");
    const { flush } = this.#changes;
    const open = clock === "watermark" ? this.#open : undefined;
    this.hooks = {
      onCommit: () => {
        flush?.();
        state.cleanUp();
      },
      onWatermark: () => {
        flush?.();
        if (open !== undefined) this.#tell(open, undefined);
      },
      ...(open === undefined ? {} : { holds: () => open.size > 0 }),
    };
  }

  added(window: unknown, _value: unknown, record: RecordMeta, isFirst: boolean): void {
    const { now, was, at } = this.#kind.contents;
    if (this.#open === undefined) this.#changed(window, now, was, at, record);
    else if (isFirst && now !== null && now !== undefined) this.#open.set(this.#placeOf(window), this.#context.state.key);
  }

  merged(_window: unknown, from: readonly unknown[], record: RecordMeta): void {
    const { contents, placeOf } = this.#kind;
    for (const before of from) {
      if (this.#open === undefined) this.#changed(before, null, contents.known(before), placeOf(before)[0], record);
      else this.#open.delete(this.#placeOf(before));
    }
  }

  missed(): void {
    this.#context.count("late_records");
  }

  done(_value: unknown, record: RecordMeta): void {
    if (this.#open !== undefined && this.#plan.revision.clock === "stream-time" && this.#kind.looks?.(record.timestamp) !== false)
      this.#tell(this.#open, record);
  }

  #changed(window: unknown, now: unknown, was: unknown, at: number, record: RecordMeta): void {
    const { aggregator, cached, assigner } = this.#plan;
    const { state } = this.#context;
    const result = this.#result(now);
    const before = was === null || was === undefined ? undefined : (resultOf(aggregator, was) ?? undefined);
    // Where changes are held back, a deletion has the time of the record that asked for it; a session's is always its end.
    const timestamp = result === null && cached && !assigner.merging ? record.timestamp : at;
    // Only sessions that are held back until the commit keep the headers of their records.
    const headers = assigner.merging && !cached ? noHeaders : record.rawHeaders;
    const bounds = this.#boundsOf(window);
    const meta = new RecordMeta({ key: state.key, window: bounds }, timestamp, headers, record.topic, record.partition, record.offset);
    const id = cached ? `${bounds.start}:${bounds.end}:${typeof state.mapKey}:${String(state.mapKey)}` : undefined;
    this.#changes.forward(result, meta, before, true, id);
  }

  /** Tells of the windows that are over since the last time. */
  #tell(open: OrderedTable<TimeKey, unknown>, record: RecordMeta | undefined): void {
    const { latenessMs, revision } = this.#plan;
    const { state } = this.#context;
    if (revision.everyMs > 0) {
      const nowMs = this.#context.processingTime();
      if (nowMs < this.#nextLookMs) return;
      this.#nextLookMs = nowMs + revision.everyMs;
    }
    const { now } = this.#time;
    const upTo = now + 1 - latenessMs;
    if (upTo <= this.#told.now) return;
    const { contents, windowAt } = this.#kind;
    for (let first = open.first(); first !== undefined; first = open.first()) {
      const [{ time, number }] = first;
      const window = windowAt(time, number);
      if (this.#closing.at(window) > now) break;
      open.delete(first[0]);
      state.setKey(first[1]);
      const row = contents.closed(window);
      const result = row === undefined ? null : this.#result(row.value);
      if (result === null) continue;
      const { rawHeaders = noHeaders, topic = "", partition = -1, offset = -1 } = record ?? {};
      // A session that could not be seen any more may have been replaced by one that begins with it.
      const bounds = this.#boundsOf(windowAt(row!.at, number));
      const meta = new RecordMeta({ key: state.key, window: bounds }, row!.at, rawHeaders, topic, partition, offset);
      this.#changes.forward(result, meta, undefined);
    }
    this.#told.advance(upTo);
  }

  /** The row as others see it; null for none. */
  #result(accumulator: unknown): unknown {
    return accumulator === null || accumulator === undefined ? null : (resultOf(this.#plan.aggregator, accumulator) ?? null);
  }

  /** The window as others see it. */
  #boundsOf(window: unknown): Window {
    const { merging, space } = this.#plan.assigner;
    if (!merging) return space.window(window);
    const { start, end } = window as Window;
    return { start, end };
  }

  #placeOf(window: unknown): TimeKey {
    const { state } = this.#context;
    const [time, number] = this.#kind.placeOf(window);
    const key = state.keys.encode(state.key);
    const bytes = new Uint8Array(8 + key.length);
    writeSortable(bytes, 0, number);
    bytes.set(key, 8);
    return { time, rank: 0, key: bytes, number };
  }
}
