import type { Duration } from "../core/duration.ts";
import type { Out } from "../core/operators/process_function.ts";
import type { SideSpec } from "../core/operators/side_output.ts";
import type { Aggregator } from "../core/state/aggregator.ts";
import type { StateSpec } from "../core/state/descriptors.ts";
import type { SessionedStore } from "../core/state/stores/session_store.ts";
import type { WindowedStore } from "../core/state/stores/window_store.ts";
import type { Assigner } from "../core/window/assigner.ts";
import type { Evictor } from "../core/window/evictor.ts";
import type { Pane, PaneProcess } from "../core/window/pane.ts";
import type { Revision } from "../core/window/revision.ts";
import type { Trigger } from "../core/window/trigger.ts";
import type { MergingWindow, Window, Windowed } from "../core/window/window.ts";
import type { KeyedStream, SideStreams, Stream, WithSide } from "./stream.ts";
import type { Table } from "./table.ts";

/** When windows speak, and what they keep. */
export interface Firing<V, W extends Window> {
  /** @default when the clock of the windows passes their end, and for each late record after that */
  readonly emit?: Trigger<V, W>;
  /** Takes records out before or after each evaluation. @default none: all are kept */
  readonly evict?: Evictor<V, W>;
  /** How long after its end a window takes records, each of which makes it speak again. What is later goes to `side.late`, or is dropped and counted. @default 0 */
  readonly lateness?: Duration;
}

/** Windows in which the records of two streams meet. */
export interface WindowJoin<V, W extends Window> extends Firing<V, W> {
  readonly window: Assigner<V, W>;
}

/** When windows speak whose results replace each other. */
export interface Revising {
  readonly emit: Revision;
  /** How long after its end a window takes records. What is later is dropped and counted, once per window. @default 0 */
  readonly lateness?: Duration;
  /** For how long windows are kept behind the newest one, counted from their beginnings, for queries. @default as long as they take records */
  readonly retention?: Duration;
}

/** Sessions become one when a record connects them, so their aggregators must know how. */
type MergeIf<W extends Window, A> = W extends MergingWindow ? { readonly merge: (a: A, b: A, key: any) => A } : unknown;

type Results<R, V, K> = WithSide<KeyedStream<R, K>, { readonly late: Stream<V, K> }>;

/** A stream of which each key is grouped into windows: what is missing is what to make of a window. Results carry the last millisecond of their window as timestamp. */
export interface WindowedStream<out V, out K, out W extends Window> {
  /** How many records there are. */
  count(name: string): Results<number, V, K>;
  count<R>(name: string, result: (n: number, pane: Pane<K, W>) => R): Results<R, V, K>;
  /** What the function makes of all values, two at a time. */
  reduce(name: string, fn: (a: V, b: V) => V): Results<V, V, K>;
  reduce<R>(name: string, fn: (a: V, b: V) => V, result: (value: V, pane: Pane<K, W>) => R): Results<R, V, K>;
  reduce<R, S extends StateSpec = {}, P extends StateSpec = {}, O extends SideSpec = {}>(
    name: string,
    fn: (a: V, b: V) => V,
    result: PaneProcess<V, K, W, S, P, O, R>,
  ): WithSide<KeyedStream<R, K>, SideStreams<O, K> & { readonly late: Stream<V, K> }>;
  /** What the aggregator makes of them: one accumulator is kept per window. */
  aggregate<A, R = A>(name: string, aggregator: Aggregator<V, A, R, K> & MergeIf<W, A>): Results<R, V, K>;
  aggregate<A, R, Q>(
    name: string,
    aggregator: Aggregator<V, A, R, K> & MergeIf<W, A>,
    result: (value: R, pane: Pane<K, W>) => Q,
  ): Results<Q, V, K>;
  aggregate<A, R, Q, S extends StateSpec = {}, P extends StateSpec = {}, O extends SideSpec = {}>(
    name: string,
    aggregator: Aggregator<V, A, R, K> & MergeIf<W, A>,
    result: PaneProcess<R, K, W, S, P, O, Q>,
  ): WithSide<KeyedStream<Q, K>, SideStreams<O, K> & { readonly late: Stream<V, K> }>;
  /** What the function makes of all records of a window, which are kept one by one until then. */
  process<R>(name: string, fn: (values: readonly V[], pane: Pane<K, W>) => Out<R>): Results<R, V, K>;
  process<R, S extends StateSpec = {}, P extends StateSpec = {}, O extends SideSpec = {}>(
    name: string,
    spec: PaneProcess<readonly V[], K, W, S, P, O, R>,
  ): WithSide<KeyedStream<R, K>, SideStreams<O, K> & { readonly late: Stream<V, K> }>;
}

/** A stream of which each key is grouped into windows that become the rows of a table: what is missing is what to make of a window. A row has the largest timestamp of its records. */
export interface WindowedTable<out V, out K, out W extends Window> {
  /** How many records there are. */
  count(name: string | WindowedStore<K, number> | SessionedStore<K, number>): Table<Windowed<K, W>, number>;
  /** What the function makes of all values, two at a time; null deletes the row. */
  reduce(name: string | WindowedStore<K, V> | SessionedStore<K, V>, fn: (a: V, b: V) => V | null): Table<Windowed<K, W>, NonNullable<V>>;
  /** What the aggregator makes of them. */
  aggregate<A, R = A>(
    name: string | WindowedStore<K, A> | SessionedStore<K, A>,
    aggregator: Aggregator<V, A, R, K> & MergeIf<W, A>,
  ): Table<Windowed<K, W>, NonNullable<R>>;
}
