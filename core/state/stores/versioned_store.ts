import type { Duration } from "../../duration.ts";
import { valueCodec } from "../codecs.ts";
import { opens } from "../descriptors.ts";
import type { StepState } from "../step_state.ts";
import { compareBytes } from "../time_key.ts";
import { type Put, type Version, VersionedRows } from "../versioned_rows.ts";
import type { StoreDescriptor, StoreOptions } from "./store_descriptor.ts";

/** What may be read of a store with a history. */
export interface ReadableVersionedStore<K, V> {
  /** What holds now, or what held at the given time: nothing where the history does not reach that far back, unless it still holds. */
  get(key: K, asOf?: number): Version<V> | undefined;
  /** Every version that held at some time in between, the oldest first. */
  history(key: K, from: number, to: number): Iterable<Version<V>>;
  /** What holds now, for every key, in the order of the keys' bytes. */
  all(): Iterable<readonly [K, Version<V>]>;
}

/** A store with a history. */
export interface VersionedStore<K, V> extends ReadableVersionedStore<K, V> {
  /** A value from that time on; null says that there is none from then on. Tells what became of it: what is older than the history is not kept. */
  put(key: K, value: V | null, timestamp: number): Put;
  /** There is no value from that time on; gives the version that held then. */
  delete(key: K, timestamp: number): Version<V> | undefined;
}

/** A store with a history, for every step that lists it in `state`. */
export type HistoryStore<K, V> = StoreDescriptor<VersionedStore<K, V>, ReadableVersionedStore<K, V>>;

/**
 * Declares a store that remembers what its values were, for the time of the history (Kafka Streams: versioned state stores, KIP-889).
 *
 * @example
 * ```ts
 * import { days, float64, text, versionedStore } from "millrace";
 *
 * const prices = versionedStore("prices", { key: text, value: float64, history: days(7) });
 * ```
 */
export const versionedStore = <K, V>(name: string, options: StoreOptions<K, V> & { readonly history: Duration }): HistoryStore<K, V> => {
  const open = (state: StepState): VersionedStore<K, V> =>
    openVersions<K, V>(state, new VersionedRows<V>(state, valueCodec(options.value), options.history));
  return Object.freeze({
    scope: "store",
    name,
    key: options.key,
    value: options.value,
    parameters: { keeps: "versions", history: options.history },
    changelog: options.changelog ?? true,
    open,
    [opens]: ({ context }) => counting(open(context.stateOf(name)), () => context.count("late_records")),
    reader: { kind: "versioned", read: open },
  } satisfies HistoryStore<K, V>);
};

/** Versioned rows as a store. */
export const openVersions = <K, V>(state: StepState, rows: VersionedRows<V>): VersionedStore<K, V> => ({
  get: (key, asOf) => {
    state.setKey(key);
    return asOf === undefined ? rows.latest() : rows.asOf(asOf);
  },
  history: (key, from, to) => {
    state.setKey(key);
    return rows.history(from, to);
  },
  all: () =>
    [...rows.all()]
      .map(([key, version]) => ({ bytes: state.keys.encode(key).slice(), entry: [key as K, version] as const }))
      .sort((a, b) => compareBytes(a.bytes, b.bytes))
      .map(({ entry }) => entry),
  put: (key, value, timestamp) => {
    state.setKey(key);
    return rows.put(value, timestamp);
  },
  delete: (key, timestamp) => {
    state.setKey(key);
    const before = rows.asOf(timestamp);
    return rows.put(null, timestamp) === "expired" ? undefined : before;
  },
});

/** Counts what is put too late to be kept. */
const counting = <K, V>(store: VersionedStore<K, V>, late: () => void): VersionedStore<K, V> => ({
  ...store,
  put: (key, value, timestamp) => {
    const put = store.put(key, value, timestamp);
    if (put === "expired") late();
    return put;
  },
  delete: (key, timestamp) => {
    const before = store.get(key, timestamp);
    if (store.put(key, null, timestamp) !== "expired") return before;
    late();
    return undefined;
  },
});
