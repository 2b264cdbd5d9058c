import type { Serde } from "../../serde/serde.ts";
import { behind, columnPrefix, prefixEnd } from "../address.ts";
import { valueCodec } from "../codecs.ts";
import { opens } from "../descriptors.ts";
import type { OrderedTable } from "../ordered_table.ts";
import { Stamped, stampedCodec } from "../stamped.ts";
import type { StepState } from "../step_state.ts";
import { bytesSubKey, compareBytes } from "../time_key.ts";
import { type StoreDescriptor, type StoreOptions, storedKeys } from "./store_descriptor.ts";
import { textPrefix } from "./text_prefix.ts";

/** What may be read of a store with one value per key. Keys come in the order of their bytes. */
export interface ReadableStore<K, V> {
  get(key: K): V | undefined;
  /** When the value was put, as far as that was said. */
  timestampOf(key: K): number | undefined;
  /** Both bounds are included; an absent one is open. A snapshot. */
  range(from: K | undefined, to: K | undefined, order?: "asc" | "desc"): Iterable<readonly [K, V]>;
  /** The entries whose keys' bytes begin with those of the prefix; of texts, the keys that begin with it. What is not written as keys are is given a serde. */
  prefix<P = K>(prefix: P, serde?: Serde<P>): Iterable<readonly [K, V]>;
  all(order?: "asc" | "desc"): Iterable<readonly [K, V]>;
  approximateSize(): number;
}

/** A store with one value per key. */
export interface Store<K, V> extends ReadableStore<K, V> {
  /** Null deletes; the changelog hears of it even if nothing was there. */
  put(key: K, value: V | null, timestamp?: number): void;
  /** Puts the value if there is none, and gives the one that was there. */
  putIfAbsent(key: K, value: V, timestamp?: number): V | undefined;
  /** Gives what was there. */
  delete(key: K): V | undefined;
}

/** A store with one value per key, for every step that lists it in `state`. */
export type KeyValueStore<K, V> = StoreDescriptor<Store<K, V>, ReadableStore<K, V>>;

/**
 * Declares a store with one value per key.
 *
 * @param name names the store and its changelog
 *
 * @example
 * ```ts
 * import { float64, keyValueStore, text } from "millrace";
 *
 * const totals = keyValueStore("totals", { key: text, value: float64 });
 * ```
 */
export const keyValueStore = <K, V>(name: string, options: StoreOptions<K, V>): KeyValueStore<K, V> => {
  const open = (state: StepState): Store<K, V> => new OpenedStore<K, V>(state, options);
  const keys = storedKeys(options.key);
  const codec = stampedCodec(valueCodec(options.value));
  const prefix = columnPrefix(column);
  return Object.freeze({
    scope: "store",
    name,
    key: options.key,
    value: options.value,
    parameters: { keeps: "one value per key" },
    changelog: options.changelog ?? true,
    open,
    [opens]: ({ context }) => open(context.stateOf(name)),
    reader: {
      kind: "key-value",
      read: open,
      keyBytes: (key) => keys.encode(key as K),
      walk: function* ({ base }, from) {
        for (const [bytes, value] of base.range(from === undefined ? prefix : behind(prefix, from), prefixEnd(prefix))) {
          const key = bytes.subarray(prefix.length);
          yield [key, keys.decode(key), codec.decode(value).value];
        }
      },
      change: (_state, key, value) => {
        if (compareBytes(key.subarray(0, prefix.length), prefix) !== 0) return undefined;
        const stamped = value === null ? undefined : codec.decode(value);
        return {
          key: keys.decode(key.subarray(prefix.length)),
          value: stamped?.value ?? null,
          timestamp: stamped === undefined || Number.isNaN(stamped.at) ? undefined : stamped.at,
        };
      },
    },
  } satisfies KeyValueStore<K, V>);
};

const column = "kv:entries";

class OpenedStore<K, V> implements Store<K, V> {
  readonly #keys: ReturnType<typeof storedKeys<K>>;
  readonly #entries: OrderedTable<Uint8Array, Stamped<V>>;

  constructor(state: StepState, { key, value }: StoreOptions<K, V>) {
    this.#keys = storedKeys(key);
    this.#entries = state.ordered(column, bytesSubKey, stampedCodec(valueCodec(value)));
  }

  get(key: K): V | undefined {
    return this.#entries.get(this.#keys.encode(key))?.value;
  }

  timestampOf(key: K): number | undefined {
    const at = this.#entries.get(this.#keys.encode(key))?.at;
    return at === undefined || Number.isNaN(at) ? undefined : at;
  }

  put(key: K, value: V | null, timestamp: number = Number.NaN): void {
    if (value === null) this.#entries.bury(this.#keys.encode(key));
    else this.#entries.set(this.#keys.encode(key), new Stamped(timestamp, value));
  }

  putIfAbsent(key: K, value: V, timestamp?: number): V | undefined {
    const before = this.get(key);
    if (before === undefined) this.put(key, value, timestamp);
    return before;
  }

  delete(key: K): V | undefined {
    const bytes = this.#keys.encode(key);
    const before = this.#entries.get(bytes)?.value;
    this.#entries.bury(bytes);
    return before;
  }

  range(from: K | undefined, to: K | undefined, order: "asc" | "desc" = "asc"): Iterable<readonly [K, V]> {
    const last = to === undefined ? undefined : this.#keys.encode(to);
    const found = this.#entries.from(
      from === undefined ? undefined : this.#keys.encode(from),
      (key) => last === undefined || compareBytes(key, last) <= 0,
    );
    return this.#decoded(found, order);
  }

  prefix<P = K>(prefix: P, serde?: Serde<P>): Iterable<readonly [K, V]> {
    const encode = (key: unknown): Uint8Array => this.#keys.encode(key as K);
    const bytes =
      serde !== undefined ? serde.serialize(prefix, "").slice() : typeof prefix === "string" ? textPrefix(prefix, encode) : encode(prefix);
    return this.#decoded(
      this.#entries.from(bytes, (key) => compareBytes(key.subarray(0, bytes.length), bytes) === 0),
      "asc",
    );
  }

  all(order: "asc" | "desc" = "asc"): Iterable<readonly [K, V]> {
    return this.#decoded(this.#entries.from(undefined), order);
  }

  approximateSize(): number {
    return this.#entries.size;
  }

  #decoded(found: readonly (readonly [Uint8Array, Stamped<V>])[], order: "asc" | "desc"): readonly (readonly [K, V])[] {
    const entries = found.map(([key, { value }]) => [this.#keys.decode(key), value] as const);
    return order === "asc" ? entries : entries.reverse();
  }
}
