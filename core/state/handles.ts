/** One value per key. */
export interface ValueState<T, Absent = undefined> {
  /** What was set last; without an `initial` value, undefined when nothing is there. */
  get(): T | Absent;
  /** Replaces the value. What is kept must not be changed afterwards: set a new one. Setting `undefined` clears. */
  set(value: T): void;
  /** Sets what the function makes of the present value, and gives it. */
  update(fn: (value: T | Absent) => T): T;
  clear(): void;
}

/** A list per key; every element is an entry of its own, so adding writes one element. */
export interface ListState<T> {
  /** The elements in the order in which they were added, as a snapshot. */
  get(): readonly T[];
  add(...values: readonly T[]): void;
  /** Replaces all elements. */
  set(values: Iterable<T>): void;
  clear(): void;
}

/** What may be read of a map. Iterating gives the entries in the order of their keys' bytes, as a snapshot. */
export interface ReadableMapState<K, V> extends Iterable<readonly [K, V]> {
  get(key: K): V | undefined;
  has(key: K): boolean;
  keys(): Iterable<K>;
  values(): Iterable<V>;
  /** With a ttl, an expired entry counts until it is removed. */
  isEmpty(): boolean;
}

/** A map per key; every entry is written alone. */
export interface MapState<K, V> extends ReadableMapState<K, V> {
  set(key: K, value: V): void;
  delete(key: K): void;
  clear(): void;
}

/** An aggregate per key that takes values one by one. */
export interface FoldState<V, R> {
  add(value: V): void;
  /** The result so far; undefined when nothing was added. */
  get(): R | undefined;
  clear(): void;
}
