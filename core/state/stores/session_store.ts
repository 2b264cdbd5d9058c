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

/** What may be read of a store with sessions. Sessions come by the bytes of their keys, then by their ends; results are snapshots. */
export interface ReadableSessionStore<K, V> {
  get(key: K, start: number, end: number): V | undefined;
  /** All sessions of a key. */
  fetch(key: K): Iterable<readonly [WindowedKey<K>, V]>;
  /** The sessions of a key that end not before the one time and begin not after the other. */
  find(key: K, earliestEnd: number, latestStart: number): Iterable<readonly [WindowedKey<K>, V]>;
  /** The same for all keys between two, both included; an absent bound is open. */
  findRange(keyFrom: K | undefined, keyTo: K | undefined, earliestEnd: number, latestStart: number): Iterable<readonly [WindowedKey<K>, V]>;
  all(): Iterable<readonly [WindowedKey<K>, V]>;
}

/** A store with sessions. */
export interface SessionStore<K, V> extends ReadableSessionStore<K, V> {
  /** Null removes. */
  put(key: WindowedKey<K>, value: V | null): void;
  remove(key: WindowedKey<K>): void;
}

/** A store with sessions, for every step that lists it in `state`. */
export type SessionedStore<K, V> = StoreDescriptor<SessionStore<K, V>, ReadableSessionStore<K, V>>;

/**
 * Declares a store with sessions: windows of any length, found by when they end and begin. A session can no longer be seen when the newest one ends by the retention later, and is let go of some time after that.
 *
 * @example
 * ```ts
 * import { days, int64, sessionStore, text } from "millrace";
 *
 * const visits = sessionStore("visits", { key: text, value: int64, retention: days(1) });
 * ```
 */
export const sessionStore = <K, V>(name: string, options: StoreOptions<K, V> & { readonly retention: Duration }): SessionedStore<K, V> => {
  const open = (state: StepState): SessionStore<K, V> => new OpenedSessionStore<K, V>(state, options);
  return Object.freeze({
    scope: "store",
    name,
    key: options.key,
    value: options.value,
    parameters: { keeps: "sessions", retention: options.retention },
    changelog: options.changelog ?? true,
    open,
    [opens]: ({ context }) => open(context.stateOf(name)),
    reader: { kind: "session", read: open, keyBytes: (key) => storedKeys(options.key).encode(key as K) },
  } satisfies SessionedStore<K, V>);
};

class OpenedSessionStore<K, V> implements SessionStore<K, V> {
  readonly #keys: ReturnType<typeof storedKeys<K>>;
  /** By key, end and start. */
  readonly #entries: OrderedTable<EntryKey, V>;
  readonly #newest: StreamTime;
  readonly #retentionMs: number;
  #swept = Number.NEGATIVE_INFINITY;

  constructor(state: StepState, options: StoreOptions<K, V> & { readonly retention: Duration }) {
    this.#keys = storedKeys(options.key);
    this.#retentionMs = options.retention;
    this.#entries = state.ordered("ss:entries", entryKey, valueCodec(options.value));
    this.#newest = new StreamTime(state, "ss:newest");
    state.onCleanUp("ss:entries", () => {
      const bound = this.#newest.now - options.retention;
      // Only now and then, since all of it is walked over.
      if (bound - this.#swept < options.retention / 8) return;
      this.#swept = bound;
      for (const [at] of this.#entries.from(undefined)) if (at.first < bound) this.#entries.delete(at);
    });
  }

  put({ key, window }: WindowedKey<K>, value: V | null): void {
    this.#newest.advance(window.end);
    if (value === null) this.#entries.delete({ key: this.#keys.encode(key), first: window.end, second: window.start });
    else this.#entries.set({ key: this.#keys.encode(key), first: window.end, second: window.start }, value);
  }

  remove({ key, window }: WindowedKey<K>): void {
    this.#newest.advance(window.end);
    this.#entries.delete({ key: this.#keys.encode(key), first: window.end, second: window.start });
  }

  get(key: K, start: number, end: number): V | undefined {
    return end < this.#from ? undefined : this.#entries.get({ key: this.#keys.encode(key), first: end, second: start });
  }

  fetch(key: K): Iterable<readonly [WindowedKey<K>, V]> {
    return this.find(key, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  }

  find(key: K, earliestEnd: number, latestStart: number): Iterable<readonly [WindowedKey<K>, V]> {
    const bytes = this.#keys.encode(key);
    const [lowest, highest] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    const found = this.#entries.between(
      { key: bytes, first: Math.max(earliestEnd, this.#from), second: lowest },
      { key: bytes, first: highest, second: highest },
    );
    return this.#shown(found.filter(([at]) => at.second <= latestStart));
  }

  findRange(
    keyFrom: K | undefined,
    keyTo: K | undefined,
    earliestEnd: number,
    latestStart: number,
  ): Iterable<readonly [WindowedKey<K>, V]> {
    const last = keyTo === undefined ? undefined : this.#keys.encode(keyTo);
    const lowest = Number.NEGATIVE_INFINITY;
    const firstEnd = Math.max(earliestEnd, this.#from);
    const begin = keyFrom === undefined ? undefined : { key: this.#keys.encode(keyFrom), first: lowest, second: lowest };
    const found = this.#entries.from(begin, (at) => last === undefined || compareBytes(at.key, last) <= 0);
    return this.#shown(found.filter(([at]) => at.first >= firstEnd && at.second <= latestStart));
  }

  all(): Iterable<readonly [WindowedKey<K>, V]> {
    return this.findRange(undefined, undefined, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  }

  #shown(found: readonly (readonly [EntryKey, V])[]): readonly (readonly [WindowedKey<K>, V])[] {
    return found.map(([at, value]) => [{ key: this.#keys.decode(at.key), window: { start: at.second, end: at.first } }, value] as const);
  }

  /** The earliest end of a session that can still be seen (Kafka Streams: session store). */
  get #from(): number {
    return this.#newest.now - this.#retentionMs + 1;
  }
}
