import type { Meta } from "../core/record.ts";
import type { Serde } from "../core/serde/serde.ts";
import type { Aggregator } from "../core/state/aggregator.ts";
import type { SimpleKey } from "../core/state/descriptors.ts";
import type { KeyValueStore } from "../core/state/stores/key_value_store.ts";
import type { KeyedStream, StepOptions } from "./stream.ts";
import type { Suppression } from "./suppression.ts";
import type { TopicSink } from "./topic.ts";

declare const tableBrand: unique symbol;

/** The latest value per key, and the changes of it. */
export interface Table<out K, out V> {
  readonly [tableBrand]: readonly [K, V];
  /** Another value for each row; null for no row. */
  map<R>(fn: (value: V, record: Meta<K>) => R): Table<K, NonNullable<R>>;
  /** The rows that fulfil the condition. A type guard narrows them. */
  filter<S extends V>(fn: (value: V, record: Meta<K>) => value is S): Table<K, S>;
  filter(fn: (value: V, record: Meta<K>) => boolean): Table<K, V>;
  /** The rows under other keys: an aggregate of a group follows its rows as they come, change and go. A key that is an object needs a serde; a row without one is in no group. */
  groupBy<K2 extends SimpleKey>(key: (value: V, record: Meta<K>) => K2 | null | undefined): GroupedTable<K2, V>;
  groupBy<K2 extends {}>(key: (value: V, record: Meta<K>) => K2 | null | undefined, serde: Serde<K2>): GroupedTable<K2, V>;
  /** Holds changes back, so that fewer of them are told. */
  suppress(name: string, until: Suppression<K>): Table<K, V>;
  /** Keeps the rows in a store of this name: for queries, and so that looking them up computes nothing. */
  materialize(name: string | KeyValueStore<K, V>): Table<K, V>;
  /** The rows that have a partner under the same key, joined anew whenever one of the two changes. */
  join<V2, R>(name: string, other: Table<K, V2>, joiner: (left: V, right: V2, key: K) => R): Table<K, NonNullable<R>>;
  /** The rows that have a partner under the key which stands in them. */
  join<K2, V2, R>(
    name: string,
    other: Table<K2, V2>,
    on: (value: V, key: K) => K2 | null | undefined,
    joiner: (left: V, right: V2) => R,
  ): Table<K, NonNullable<R>>;
  /** All rows, with a partner or undefined. */
  leftJoin<V2, R>(name: string, other: Table<K, V2>, joiner: (left: V, right: V2 | undefined, key: K) => R): Table<K, NonNullable<R>>;
  leftJoin<K2, V2, R>(
    name: string,
    other: Table<K2, V2>,
    on: (value: V, key: K) => K2 | null | undefined,
    joiner: (left: V, right: V2 | undefined) => R,
  ): Table<K, NonNullable<R>>;
  /** All rows of both tables. */
  outerJoin<V2, R>(
    name: string,
    other: Table<K, V2>,
    joiner: (left: V | undefined, right: V2 | undefined, key: K) => R,
  ): Table<K, NonNullable<R>>;
  /** The changes; null is a deletion. */
  toStream(): KeyedStream<V | null, K>;
  /** The changes to a topic, deletions as tombstones. */
  to(topic: TopicSink<V, K>): void;
  /** Says more of the step that makes the table. */
  with(options: StepOptions): Table<K, V>;
}

/** The rows of a table in groups: what is missing is what to make of a group. */
export interface GroupedTable<out K, out V> {
  /** How many rows a group has. */
  count(name: string | KeyValueStore<K, number>): Table<K, number>;
  /** What the functions make of its rows: `subtract` takes back what `add` did with a row. */
  reduce(name: string | KeyValueStore<K, V>, fns: { add(acc: V, value: V): V | null; subtract(acc: V, value: V): V | null }): Table<K, V>;
  /** What the aggregator makes of them. */
  aggregate<A, R = A>(
    name: string | KeyValueStore<K, A>,
    aggregator: Aggregator<V, A, R, K> & { readonly subtract: (acc: A, value: V, key: any) => A },
  ): Table<K, NonNullable<R>>;
}

declare const globalBrand: unique symbol;

/** A table that every task has a copy of: a stream can be joined with it under any key. */
export interface GlobalTable<out K, out V> {
  readonly [globalBrand]: readonly [K, V];
}
