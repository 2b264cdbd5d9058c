import { typedKey } from "../serde/canonical_key.ts";
import type { Serde } from "../serde/serde.ts";
import { valueCodec } from "./codecs.ts";
import type { StateOptions, StatePlace } from "./descriptors.ts";
import type { MapState, ReadableMapState } from "./handles.ts";
import type { MapTable } from "./map_table.ts";
import { Stamped, stampedCodec } from "./stamped.ts";
import type { SubKey } from "./sub_key.ts";
import { Expiry, sweepAtCommit } from "./ttl.ts";

export const openMap = <K, V>(
  { context, column, name, namespaced, keysIn }: StatePlace,
  { serde, ttl, key }: StateOptions<V> & { readonly key?: Serde<K> },
): MapState<K, V> => {
  const codec = valueCodec(serde);
  const sub = entryKey<K>(key);
  if (ttl === undefined) {
    const table = context.state.map(column, sub, codec, { namespaced });
    keysIn?.(() => [...table.scopes()].map((scope) => scope.key));
    return new LastingMap(table, name);
  }
  const table = context.state.map(column, sub, stampedCodec(codec), { namespaced });
  keysIn?.(() => [...table.scopes()].map((scope) => scope.key));
  const expiry = new Expiry(ttl, context, name);
  sweepAtCommit(context, column, namespaced, expiry, (bytes) => {
    const entry = sub.decode(bytes);
    const stamped = table.get(entry);
    if (stamped !== undefined && expiry.isExpired(stamped.at)) table.delete(entry);
  });
  return new ExpiringMap(table, expiry, name);
};

/** The same map without what changes it. */
export const readOnly = <K, V>(map: MapState<K, V>): ReadableMapState<K, V> => ({
  get: (key) => map.get(key),
  has: (key) => map.has(key),
  keys: () => map.keys(),
  values: () => map.values(),
  isEmpty: () => map.isEmpty(),
  [Symbol.iterator]: () => map[Symbol.iterator](),
});

class LastingMap<K, V> implements MapState<K, V> {
  readonly #table: MapTable<K, V>;
  readonly #name: string;

  constructor(table: MapTable<K, V>, name: string) {
    this.#table = table;
    this.#name = name;
  }

  get(key: K): V | undefined {
    return this.#table.get(key);
  }

  has(key: K): boolean {
    return this.#table.has(key);
  }

  set(key: K, value: V): void {
    this.#table.set(key, defined(value, this.#name));
  }

  delete(key: K): void {
    this.#table.delete(key);
  }

  clear(): void {
    this.#table.clear();
  }

  isEmpty(): boolean {
    return this.#table.isEmpty();
  }

  keys(): Iterable<K> {
    return this.#table.entries().map(([key]) => key);
  }

  values(): Iterable<V> {
    return this.#table.values();
  }

  [Symbol.iterator](): Iterator<readonly [K, V]> {
    return this.#table.entries()[Symbol.iterator]();
  }
}

/** Every entry has the time of its own writing. */
class ExpiringMap<K, V> implements MapState<K, V> {
  readonly #table: MapTable<K, Stamped<V>>;
  readonly #expiry: Expiry;
  readonly #name: string;

  constructor(table: MapTable<K, Stamped<V>>, expiry: Expiry, name: string) {
    this.#table = table;
    this.#expiry = expiry;
    this.#name = name;
  }

  get(key: K): V | undefined {
    const stamped = this.#table.get(key);
    return stamped !== undefined && this.#read(key, stamped) ? stamped.value : undefined;
  }

  has(key: K): boolean {
    const stamped = this.#table.get(key);
    return stamped !== undefined && this.#read(key, stamped);
  }

  set(key: K, value: V): void {
    this.#table.set(key, new Stamped(this.#expiry.stamp(), defined(value, this.#name)));
  }

  delete(key: K): void {
    this.#table.delete(key);
  }

  clear(): void {
    this.#table.clear();
  }

  // As in Flink, this alone does not look at the entries, and so at their age.
  isEmpty(): boolean {
    return this.#table.isEmpty();
  }

  keys(): Iterable<K> {
    return this.#entries().map(([key]) => key);
  }

  values(): Iterable<V> {
    return this.#entries().map(([, value]) => value);
  }

  [Symbol.iterator](): Iterator<readonly [K, V]> {
    return this.#entries()[Symbol.iterator]();
  }

  #entries(): readonly (readonly [K, V])[] {
    const seen: (readonly [K, V])[] = [];
    for (const [key, stamped] of this.#table.entries()) if (this.#read(key, stamped)) seen.push([key, stamped.value]);
    return seen;
  }

  /** True when a reader may see the entry; removes or refreshes it as the ttl says. */
  #read(key: K, { at, value }: Stamped<V>): boolean {
    if (this.#expiry.isExpired(at)) {
      this.#table.delete(key);
      return this.#expiry.showExpired;
    }
    if (this.#expiry.refreshOnRead) this.set(key, value);
    return true;
  }
}

/** Entries are walked in the order of their keys' bytes. */
const entryKey = <K>(serde: Serde<K> = typedKey as Serde<K>): SubKey<K> => {
  const { encode, decode } = valueCodec(serde);
  return {
    encode,
    decode,
    mapKey: (key) => {
      if (Number.isNaN(key)) throw new RangeError("NaN cannot be the key of a map, since it equals nothing: use another key");
      return key as string | number | bigint | boolean;
    },
    compare: (a, b) => compareBytes(encode(a), encode(b)),
  };
};

const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
};

const defined = <V>(value: V, name: string): V => {
  if (value === undefined) throw new TypeError(`Map state '${name}' cannot hold undefined: use null, or delete the entry`);
  return value;
};
