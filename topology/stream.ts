import type { MatchOptions } from "../core/cep/match_options.ts";
import type { MatchPatternsOptions } from "../core/cep/match_patterns_operator.ts";
import type { PatternStart, PatternTail } from "../core/cep/pattern.ts";
import type { PatternData, PatternMatch } from "../core/cep/pattern_data.ts";
import type { Duration } from "../core/duration.ts";
import type { ErrorPolicy } from "../core/error_policy.ts";
import type { AsyncCall, AsyncOptions } from "../core/operators/async_options.ts";
import type { Broadcast, Connect, Out, PlainBroadcast, PlainProcess, Process } from "../core/operators/process_function.ts";
import type { Carried, SideSpec } from "../core/operators/side_output.ts";
import type { Draft, Meta } from "../core/record.ts";
import type { Serde } from "../core/serde/serde.ts";
import type { Aggregator } from "../core/state/aggregator.ts";
import type { BroadcastSpec, SimpleKey, StateSpec, StoreSpec } from "../core/state/descriptors.ts";
import type { KeyValueStore } from "../core/state/stores/key_value_store.ts";
import type { Assigner } from "../core/window/assigner.ts";
import type { Pane } from "../core/window/pane.ts";
import type { Window } from "../core/window/window.ts";
import type { Sink } from "./sink.ts";
import type { Interval } from "./stream_join.ts";
import type { GlobalTable, Table } from "./table.ts";
import type { TimeOptions } from "./time_options.ts";
import type { Firing, Revising, WindowedStream, WindowedTable, WindowJoin } from "./windowed_stream.ts";

declare const flows: unique symbol;
declare const keyedBy: unique symbol;

/** What inference needs to know of a stream, and no more: parameters take this, so that the compiler compares two types instead of thirty methods. */
export interface AnyStream<out V, out K = unknown> {
  readonly [flows]: readonly [V, K];
}

/** The same of a stream with keys. */
export interface AnyKeyedStream<out V, out K> extends AnyStream<V, K> {
  readonly [keyedBy]: K;
}

/** What can be said of a step that needs no name and no option of its own. */
export interface StepOptions {
  /** What a step without a name is called in descriptions and metrics; behind `keyBy(fn)` also the name of its topic. */
  readonly name?: string;
  /** @default the topology's */
  readonly onError?: ErrorPolicy;
  /** Behind `keyBy`: of the topic by which records change task. @default as many as the largest input has */
  readonly partitions?: number;
  /** Of a table: false tells every change, whatever the topology's `cache` says. */
  readonly cache?: boolean;
}

/** Of the topic that `repartition` puts in between. */
export interface RepartitionOptions<V, K> {
  /** @default as many as the largest input has */
  readonly partitions?: number;
  /** To which partitions a record goes: in turn, to all, or as a function says. @default by the bytes of its key */
  readonly by?: "round-robin" | "all" | ((value: V, record: Meta<K>, partitions: number) => number | readonly number[] | "all");
}

/** How records are written to a topic. */
export interface ToOptions<V, K> {
  /** @default by the bytes of the key, as Kafka's Java client does */
  readonly partition?: "round-robin" | "all" | ((value: V, record: Meta<K>, partitions: number) => number | readonly number[] | "all");
  /** What happens with a record that cannot be written. @default the topology's */
  readonly onError?: ErrorPolicy;
}

/** Hold each record until the watermark has passed its time, then join the table as it was at that time. */
export interface AsOf {
  readonly asOf: "watermark";
}

/**
 * Join each record with the row as it was at the record's time, as far as the table knows it at that moment, as Kafka Streams does. With a lateness a record waits until the largest timestamp of the stream has come so far behind its own, so
 * that the table may catch up; one that is later than that is joined at once.
 */
export interface AsOfStreamTime {
  readonly asOf: "stream-time";
  /** @default 0 */
  readonly lateness?: Duration;
}

/** Where records go that came too late to be joined. */
export interface LateSides<L, R, K> {
  readonly lateLeft: Stream<L, K>;
  readonly lateRight: Stream<R, K>;
}

/** A stream that has side outputs as well. */
export type WithSide<S, O> = S & { readonly side: O };
/** The side outputs of a step, each as a stream. */
export type SideStreams<O extends SideSpec, K> = { readonly [P in keyof O]: Stream<Carried<O[P]>, K> };
type Branches<V, K> = { readonly [name: string]: (value: V, record: Meta<K>) => boolean };
type Narrow<F, V> = F extends (value: any, ...rest: any) => value is infer S ? S : V;

/** A stream of values; each record also has a key, reached as the second argument of a callback. */
export interface Stream<out V, out K = unknown> extends AnyStream<V, K> {
  /** Another value; key, timestamp and headers stay. */
  map<R>(fn: (value: V, record: Meta<K>) => R): Stream<R, K>;
  /** Any number of values for one. */
  flatMap<R>(fn: (value: V, record: Meta<K>) => Iterable<R>): Stream<R, K>;
  /** What fulfils the condition. A type guard narrows the values. */
  filter<S extends V>(fn: (value: V, record: Meta<K>) => value is S): Stream<S, K>;
  filter(fn: (value: V, record: Meta<K>) => boolean): Stream<V, K>;
  /** Looks at each record and lets it go on as it is. */
  peek(fn: (value: V, record: Meta<K>) => void): Stream<V, K>;
  /** Other records: key, timestamp and headers may change; nothing, one or several come out. */
  rewrite<R, K2 = K>(fn: (value: V, record: Meta<K>) => Draft<R, K2> | readonly Draft<R, K2>[] | undefined): Stream<R, K2>;
  /** Each record into the first branch whose condition it fulfils, or into `rest`. A type guard narrows its branch. */
  split<B extends Branches<V, K>>(branches: B): { readonly [P in keyof B]: Stream<Narrow<B[P], V>, K> } & { readonly rest: Stream<V, K> };
  /** The records of both. */
  union<V2, K2>(other: AnyStream<V2, K2>): Stream<V | V2, K | K2>;
  /** Says more of the step before: a name, an error policy. */
  with(options: StepOptions): Stream<V, K>;
  /** An operator of your own, a function from stream to stream, in its place in the chain. */
  pipe<R>(operator: (stream: Stream<V, K>) => R): R;

  /**
   * By the key that the records carry. Records stay where they are when nothing since the topic could have changed key or partition; a step that needs a key drops and counts a record without one, a left join lets it through unmatched.
   */
  keyBy<K2 extends {}>(this: Stream<V, K2 | null>): KeyedStream<V, K2>;
  /** By a key that is taken from the record: records change task. A key that is an object needs a serde. */
  keyBy<K2 extends SimpleKey>(key: (value: V, record: Meta<K>) => K2 | null | undefined): KeyedStream<V, K2>;
  keyBy<K2 extends {}>(key: (value: V, record: Meta<K>) => K2 | null | undefined, serde: Serde<K2>): KeyedStream<V, K2>;
  /** Everything on one partition, under one key: for what has no key. One task does all the work behind it. */
  single(): KeyedStream<V, null>;
  /** A topic in between, `<name>-repartition`: to spread the work, or to cut a chain of steps. */
  repartition(name: string, options?: RepartitionOptions<V, K>): Stream<V, K>;

  /** Asks something outside for each record, many at once, and waits for the answers without holding anything else up. After a crash what was not answered is asked again: each record has one result, and a request may be sent twice. */
  mapAsync<R>(name: string, ask: (value: V, call: AsyncCall<K>) => Promise<R>, options?: AsyncOptions<V, R>): Stream<R, K>;
  /** Other timestamps and another event time from here on, for records that tell their time only now. What was said of event time before is not heard any more. */
  withTime(name: string, options: Pick<TimeOptions<V, K>, "timestamp" | "watermarks" | "idleness">): Stream<V, K>;

  /** A function with side outputs, with state of the whole task, with stores and with schedules. */
  process<R1 = never, R3 = never, S extends StoreSpec = {}, O extends SideSpec = {}>(
    name: string,
    spec: PlainProcess<V, K, S, O, R1, R3>,
  ): WithSide<Stream<R1 | R3, K>, SideStreams<O, K>>;
  /** Each record with the row of a global table under the key that the function takes from it; a record without a row is left out. */
  join<K2, V2, R>(
    name: string,
    table: GlobalTable<K2, V2>,
    on: (value: V, record: Meta<K>) => K2 | null | undefined,
    joiner: (left: NonNullable<V>, right: V2, record: Meta<K>) => R,
  ): Stream<R, K>;
  /** The same; a record without a row is joined with undefined. */
  leftJoin<K2, V2, R>(
    name: string,
    table: GlobalTable<K2, V2>,
    on: (value: V, record: Meta<K>) => K2 | null | undefined,
    joiner: (left: NonNullable<V>, right: V2 | undefined, record: Meta<K>) => R,
  ): Stream<R, K>;
  /** This stream, and another that every task reads whole: rules, settings. */
  connectBroadcast<V2, T extends BroadcastSpec, R1 = never, R2 = never, S extends StoreSpec = {}, O extends SideSpec = {}>(
    name: string,
    other: AnyStream<V2>,
    spec: PlainBroadcast<V, V2, K, S, T, O, R1, R2>,
  ): WithSide<Stream<R1 | R2, K>, SideStreams<O, K>>;

  /** The end of the stream: a topic, or a system outside. */
  to(sink: Sink<V, K>, options?: ToOptions<V, K>): void;
  /** Writes each record to the console, with the label before it. */
  print(label?: string): void;
}

/** A stream whose records with one key come to one task, in order: what state, windows, timers and joins need. */
export interface KeyedStream<out V, out K> extends Stream<V, K> {
  readonly [keyedBy]: K;
  map<R>(fn: (value: V, record: Meta<K>) => R): KeyedStream<R, K>;
  flatMap<R>(fn: (value: V, record: Meta<K>) => Iterable<R>): KeyedStream<R, K>;
  filter<S extends V>(fn: (value: V, record: Meta<K>) => value is S): KeyedStream<S, K>;
  filter(fn: (value: V, record: Meta<K>) => boolean): KeyedStream<V, K>;
  peek(fn: (value: V, record: Meta<K>) => void): KeyedStream<V, K>;
  split<B extends Branches<V, K>>(
    branches: B,
  ): { readonly [P in keyof B]: KeyedStream<Narrow<B[P], V>, K> } & { readonly rest: KeyedStream<V, K> };
  union<V2>(other: AnyKeyedStream<V2, K>): KeyedStream<V | V2, K>;
  union<V2, K2>(other: AnyStream<V2, K2>): Stream<V | V2, K | K2>;
  with(options: StepOptions): KeyedStream<V, K>;
  /** By the key, through a topic of its own: what several steps behind one `keyBy(fn)` ask for. */
  repartition(name: string, options?: { readonly partitions?: number; readonly by?: never }): KeyedStream<V, K>;
  repartition(name: string, options?: RepartitionOptions<V, K>): Stream<V, K>;

  /** Asks something outside for each record, many at once, and waits for the answers without holding anything else up. After a crash what was not answered is asked again: each record has one result, and a request may be sent twice. */
  mapAsync<R>(name: string, ask: (value: V, call: AsyncCall<K>) => Promise<R>, options?: AsyncOptions<V, R>): KeyedStream<R, K>;
  /** Other timestamps and another event time from here on, for records that tell their time only now. What was said of event time before is not heard any more. */
  withTime(name: string, options: Pick<TimeOptions<V, K>, "timestamp" | "watermarks" | "idleness">): KeyedStream<V, K>;

  /** A function with state and timers per key, and side outputs. `state` stands above the functions in the object, so that they know its types. */
  process<R1 = never, R2 = never, R3 = never, S extends StateSpec = {}, O extends SideSpec = {}>(
    name: string,
    spec: Process<V, K, S, O, R1, R2, R3>,
  ): WithSide<KeyedStream<R1 | R2 | R3, K>, SideStreams<O, K>>;
  /** Two streams with the same keys, and one state for both. */
  connect<V2, R1 = never, R2 = never, R3 = never, S extends StateSpec = {}, O extends SideSpec = {}>(
    name: string,
    other: AnyKeyedStream<V2, K>,
    spec: Connect<V, V2, K, S, O, R1, R2, R3>,
  ): WithSide<KeyedStream<R1 | R2 | R3, K>, SideStreams<O, K>>;
  connectBroadcast<V2, T extends BroadcastSpec, R1 = never, R2 = never, R3 = never, S extends StateSpec = {}, O extends SideSpec = {}>(
    name: string,
    other: AnyStream<V2>,
    spec: Broadcast<V, V2, K, S, T, O, R1, R2, R3>,
  ): WithSide<KeyedStream<R1 | R2 | R3, K>, SideStreams<O, K>>;

  /** Groups the records of a key by time, or otherwise as the assigner says. */
  window<W extends Window>(assigner: Assigner<V, W>, options?: Firing<V, W>): WindowedStream<V, K, W>;
  /** The same with results that replace each other: the windows are the rows of a table. */
  window<W extends Window>(assigner: Assigner<V, W>, options: Revising): WindowedTable<V, K, W>;
  /** Looks for a pattern in the events of each key, in the order of event time. A match holds the events by the names of the pattern's steps. */
  match<M>(
    name: string,
    pattern: (start: PatternStart<V>) => PatternTail<V, M>,
    options?: MatchOptions<V, keyof M>,
  ): WithSide<KeyedStream<M, K>, { readonly timedOut: Stream<Partial<M>, K>; readonly late: Stream<V, K> }>;

  /**
   * Looks for a pattern that may change while the program runs: the other stream tells of each new version as data. It takes effect at the time of its record, for the same events in every task and after every restart.
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { type PatternData } from "millrace";
   * import { harness, input } from "millrace/testing";
   *
   * const test = harness({ payments: input<{ amount: number }>(), rules: input<PatternData>() }, ({ payments, rules }) => ({
   *   found: payments.keyBy().matchPatterns("fraud", rules),
   * }));
   * const large = { ">": [{ field: "amount" }, 1000] } as const;
   * test.element("rules", { version: 1, steps: [{ name: "large", where: large }] }, { key: null, timestamp: 0 });
   * test.element("payments", { amount: 5000 }, { key: "card", timestamp: 10 });
   * test.watermark(10);
   * assert.deepEqual(test.read("found").map(({ value }) => value), [{ version: 1, events: { large: [{ amount: 5000 }] } }]);
   * ```
   */
  matchPatterns(
    name: string,
    patterns: AnyStream<PatternData>,
    options?: MatchPatternsOptions<V>,
  ): WithSide<KeyedStream<PatternMatch<V>, K>, { readonly timedOut: Stream<PatternMatch<V>, K>; readonly late: Stream<V, K> }>;

  /** How many records each key has, as a table. */
  count(name: string | KeyValueStore<K, number>): Table<K, number>;
  /** What the function makes of all values of each key, two at a time, as a table; null deletes the row, and the next value begins anew. */
  reduce(name: string | KeyValueStore<K, V>, fn: (a: V, b: V) => V | null): Table<K, V>;
  /** One running result per key, as a table. */
  aggregate<A, R = A>(name: string | KeyValueStore<K, A>, aggregator: Aggregator<V, A, R, K>): Table<K, NonNullable<R>>;
  /** The latest value of each key, as a table; null deletes. */
  toTable(name: string | KeyValueStore<K, NonNullable<V>>): Table<K, NonNullable<V>>;
  /** One result per record, as a stream (Flink's rolling aggregates). */
  scan<A, R = A>(name: string, aggregator: Aggregator<V, A, R, K>): KeyedStream<R, K>;

  /** Each record with the row that its key has in the table at that moment; a record without a row is left out. */
  join<V2, R>(name: string, table: Table<K, V2>, joiner: (left: V, right: V2, record: Meta<K>) => R): KeyedStream<R, K>;
  /** Pairs of records with one key that are close in time, each as soon as the second has come. The result has the larger timestamp of the two. */
  join<V2, R>(
    name: string,
    other: AnyKeyedStream<V2, K>,
    within: Interval,
    joiner: (left: NonNullable<V>, right: NonNullable<V2>, record: Meta<K>) => R,
  ): WithSide<KeyedStream<R, K>, LateSides<V, V2, K>>;
  /** Pairs of records with one key that are in one window: all of them, whenever the window speaks. */
  join<V2, R, W extends Window>(
    name: string,
    other: AnyKeyedStream<V2, K>,
    within: WindowJoin<V | V2, W>,
    joiner: (left: V, right: V2, pane: Pane<K, W>) => R,
  ): WithSide<KeyedStream<R, K>, LateSides<V, V2, K>>;
  /** Each record with the version of the row that was valid at the record's time: so the result does not depend on what arrives first. The table needs a `history`. */
  join<V2, R>(
    name: string,
    table: Table<K, V2>,
    asOf: AsOf | AsOfStreamTime,
    joiner: (left: V, right: V2, record: Meta<K>) => R,
  ): KeyedStream<R, K>;
  /** Each record with the row of a global table under the key that the function takes from it. */
  join<K2, V2, R>(
    name: string,
    table: GlobalTable<K2, V2>,
    on: (value: V, record: Meta<K>) => K2 | null | undefined,
    joiner: (left: NonNullable<V>, right: V2, record: Meta<K>) => R,
  ): KeyedStream<R, K>;
  /** The same; a record without a row, or without a key, is joined with undefined. */
  leftJoin<V2, R>(
    name: string,
    table: Table<K, V2>,
    joiner: (left: V, right: V2 | undefined, record: Meta<K | null>) => R,
  ): KeyedStream<R, K>;
  leftJoin<V2, R>(
    name: string,
    table: Table<K, V2>,
    asOf: AsOf | AsOfStreamTime,
    joiner: (left: V, right: V2 | undefined, record: Meta<K | null>) => R,
  ): KeyedStream<R, K>;
  leftJoin<K2, V2, R>(
    name: string,
    table: GlobalTable<K2, V2>,
    on: (value: V, record: Meta<K>) => K2 | null | undefined,
    joiner: (left: NonNullable<V>, right: V2 | undefined, record: Meta<K>) => R,
  ): KeyedStream<R, K>;
  /** The same; a record of this stream that finds no partner is joined with undefined, once none can come any more. */
  leftJoin<V2, R>(
    name: string,
    other: AnyKeyedStream<V2, K>,
    within: Interval,
    joiner: (left: NonNullable<V>, right: NonNullable<V2> | undefined, record: Meta<K | null>) => R,
  ): KeyedStream<R, K>;
  /** The same for records of both streams. */
  outerJoin<V2, R>(
    name: string,
    other: AnyKeyedStream<V2, K>,
    within: Interval,
    joiner: (left: NonNullable<V> | undefined, right: NonNullable<V2> | undefined, record: Meta<K | null>) => R,
  ): KeyedStream<R, K>;
  /** What the function makes of the records of both streams in each window; one of the two may have none. */
  coGroup<V2, R, W extends Window>(
    name: string,
    other: AnyKeyedStream<V2, K>,
    within: WindowJoin<V | V2, W>,
    fn: (left: readonly V[], right: readonly V2[], pane: Pane<K, W>) => Out<R>,
  ): WithSide<KeyedStream<R, K>, LateSides<V, V2, K>>;
}
