import type { Duration } from "../../duration.ts";

import type { WindowedKey } from "../../serde/windowed.ts";
import { valueCodec } from "../codecs.ts";
import { opens } from "../descriptors.ts";
import type { OrderedTable } from "../ordered_table.ts";
import type { StepState } from "../step_state.ts";
import { StreamTime } from "../stream_time.ts";
import { compareBytes } from "../time_key.ts";
import { type EntryKey, entryKey } from "./entry_key.ts";
import { type StoreDescriptor, type StoreOptions, storedKeys } from "./store_descriptor.ts";

/** What may be read of a store with windows of one size. What began so long before the newest entry as the retention says is no longer there. All bounds are included, results are snapshots, keys come in the order of their bytes. */
export interface ReadableWindowStore<K, V> {
  get(key: K, start: number): V | undefined;
  /** When the value was put, as far as that was said. */
  timestampOf(key: K, start: number): number | undefined;
  /** The windows of a key that begin in between. */
  fetch(key: K, from: number, to: number, order?: "asc" | "desc"): Iterable<readonly [start: number, value: V]>;
  /** The same for all keys between two; an absent bound is open. */
  fetchRange(
    keyFrom: K | undefined,
    keyTo: K | undefined,
    from: number,
    to: number,
    order?: "asc" | "desc",
  ): Iterable<readonly [WindowedKey<K>, V]>;
  fetchAll(from: number, to: number, order?: "asc" | "desc"): Iterable<readonly [WindowedKey<K>, V]>;
  all(order?: "asc" | "desc"): Iterable<readonly [WindowedKey<K>, V]>;
}

/** A store with windows of one size. */
export interface WindowStore<K, V> extends ReadableWindowStore<K, V> {
  /** Null deletes. Where duplicates are kept, every value is one more entry, and null does nothing. */
  put(key: K, value: V | null, start: number): void;
}

/** A store with windows of one size, for every step that lists it in `state`. */
export type WindowedStore<K, V> = StoreDescriptor<WindowStore<K, V>, ReadableWindowStore<K, V>>;

/** How a window store is made. */
export interface WindowStoreOptions<K, V> extends StoreOptions<K, V> {
  /** How long its windows are. */
  readonly size: Duration;
  /** How far behind the newest window entries are kept. */
  readonly retention: Duration;
  /** Keep every value that is put for one key and start. @default false: the last one */
  readonly duplicates?: boolean;
}

/**
 * Declares a store with windows of one size, found by key and start.
 *
 * @example
 * ```ts
 * import { hours, int64, minutes, text, windowStore } from "millrace";
 *
 * const seen = windowStore("seen", { key: text, value: int64, size: minutes(1), retention: hours(1) });
 * ```
 */
export const windowStore = <K, V>(name: string, options: WindowStoreOptions<K, V>): WindowedStore<K, V> => {
  const open = (state: StepState): WindowStore<K, V> => new OpenedWindowStore<K, V>(state, options);
  return Object.freeze({
    scope: "store",
    name,
    key: options.key,
    value: options.value,
    parameters: {
      keeps: options.duplicates === true ? "every value per window" : "one value per window",
      size: options.size,
      retention: options.retention,
    },
    changelog: options.changelog ?? true,
    open,
    [opens]: ({ context }) => open(context.stateOf(name)),
    reader: { kind: "window", read: open, keyBytes: (key) => storedKeys(options.key).encode(key as K) },
  } satisfies WindowedStore<K, V>);
};

class OpenedWindowStore<K, V> implements WindowStore<K, V> {
  readonly #options: WindowStoreOptions<K, V>;
  readonly #keys: ReturnType<typeof storedKeys<K>>;
  readonly #entries: OrderedTable<EntryKey, V>;
  readonly #newest: StreamTime;
  #swept = Number.NEGATIVE_INFINITY;

  constructor(state: StepState, options: WindowStoreOptions<K, V>) {
    this.#options = options;
    this.#keys = storedKeys(options.key);
    this.#entries = state.ordered("ws:entries", entryKey, valueCodec(options.value));
    this.#newest = new StreamTime(state, "ws:newest");
    state.onCleanUp("ws:entries", () => {
      // Only now and then, since all of it is walked over: what has not gone yet cannot be seen any more.
      if (this.#from - this.#swept < options.retention / 8) return;
      this.#swept = this.#from;
      for (const [at] of this.#entries.from(undefined)) if (at.first < this.#from) this.#entries.delete(at);
    });
  }

  put(key: K, value: V | null, start: number): void {
    const at = { key: this.#keys.encode(key), first: start, second: 0 };
    if (this.#options.duplicates === true) {
      if (value === null) return;
      this.#newest.advance(start);
      while (this.#entries.has(at)) at.second++;
    } else this.#newest.advance(start);
    if (value === null) this.#entries.delete(at);
    else this.#entries.set(at, value);
  }

  get(key: K, start: number): V | undefined {
    return start < this.#from ? undefined : this.#entries.get({ key: this.#keys.encode(key), first: start, second: 0 });
  }

  timestampOf(): number | undefined {
    return undefined;
  }

  fetch(key: K, from: number, to: number, order: "asc" | "desc" = "asc"): Iterable<readonly [number, V]> {
    const bytes = this.#keys.encode(key);
    const found = this.#entries
      .between({ key: bytes, first: Math.max(from, this.#from), second: 0 }, { key: bytes, first: to, second: Number.POSITIVE_INFINITY })
      .map(([at, value]) => [at.first, value] as const);
    return order === "asc" ? found : found.reverse();
  }

  fetchRange(
    keyFrom: K | undefined,
    keyTo: K | undefined,
    from: number,
    to: number,
    order: "asc" | "desc" = "asc",
  ): Iterable<readonly [WindowedKey<K>, V]> {
    const first = Math.max(from, this.#from);
    const last = keyTo === undefined ? undefined : this.#keys.encode(keyTo);
    const begin = keyFrom === undefined ? undefined : { key: this.#keys.encode(keyFrom), first: Number.NEGATIVE_INFINITY, second: 0 };
    const found = this.#entries
      .from(begin, (at) => last === undefined || compareBytes(at.key, last) <= 0)
      .filter(([at]) => at.first >= first && at.first <= to)
      .map(
        ([at, value]) =>
          [{ key: this.#keys.decode(at.key), window: { start: at.first, end: at.first + this.#options.size } }, value] as const,
      );
    return order === "asc" ? found : found.reverse();
  }

  fetchAll(from: number, to: number, order: "asc" | "desc" = "asc"): Iterable<readonly [WindowedKey<K>, V]> {
    return this.fetchRange(undefined, undefined, from, to, order);
  }

  all(order: "asc" | "desc" = "asc"): Iterable<readonly [WindowedKey<K>, V]> {
    return this.fetchRange(undefined, undefined, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, order);
  }

  get #from(): number {
    return this.#newest.now - this.#options.retention + 1;
  }
}
