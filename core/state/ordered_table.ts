import { type ByteWriter, shareBytes, writeBytes } from "../serde/byte_writer.ts";
import { columnPrefix, prefixEnd } from "./address.ts";
import { heldBytes } from "./held_bytes.ts";
import { type SortedMap, sortedMap } from "./sorted_map.ts";
import type { StepState, Table, ValueCodec } from "./step_state.ts";
import { type SubKey, writeSubKey } from "./sub_key.ts";
import { ValueSizes } from "./value_sizes.ts";

class Entry<A, T> {
  readonly at: A;
  value: T | undefined;
  dirty = false;
  /** The base has it, or will have it when the sealed part is committed. */
  stored: boolean;

  constructor(at: A, value: T | undefined, stored: boolean) {
    this.at = at;
    this.value = value;
    this.stored = stored;
  }
}

/**
 * Values of the whole task under addresses of their own, walked in the order of these: what has to be found by time, or by ranges of keys. All of it is held in memory, as timers are, since which one comes first must be known without
 * asking the store.
 */
export class OrderedTable<A, T> implements Table {
  readonly #state: StepState;
  readonly #prefix: Uint8Array;
  readonly #address: SubKey<A>;
  readonly #codec: ValueCodec<T>;
  readonly #live: SortedMap<A, Entry<A, T>>;
  /** Deleted here and still in the base, by what their addresses are known by: set again they are the same entries. */
  readonly #leaving = new Map<unknown, Entry<A, T>>();
  readonly #sizes: ValueSizes<T>;
  #dirty: Entry<A, T>[] = [];
  #loaded = false;
  /** Single entries that were read while it was not loaded. */
  #lookedUp = 0;

  constructor(state: StepState, column: string, address: SubKey<A>, codec: ValueCodec<T>) {
    this.#state = state;
    this.#prefix = columnPrefix(column);
    this.#address = address;
    this.#codec = codec;
    this.#sizes = new ValueSizes(codec);
    this.#live = sortedMap<A, Entry<A, T>>(address.compare);
  }

  get(at: A): T | undefined {
    if (this.#loaded || this.#lookedUp === lookUpsMax) return this.#load().get(at)?.value;
    this.#lookedUp++;
    const bytes = this.#state.base.get(shareBytes(this.#writeAddress, at));
    return bytes === undefined ? undefined : this.#codec.decode(bytes);
  }

  has(at: A): boolean {
    return this.#load().has(at);
  }

  set(at: A, value: T): void {
    this.#change(this.#load().get(at) ?? this.#leaving.get(this.#address.mapKey(at)) ?? new Entry<A, T>(at, undefined, false), value);
  }

  delete(at: A): void {
    const entry = this.#load().get(at);
    if (entry !== undefined) this.#change(entry, undefined);
  }

  /** Deletes, and tells the changelog so even if nothing was there. */
  bury(at: A): void {
    const entry = this.#load().get(at) ?? this.#leaving.get(this.#address.mapKey(at)) ?? new Entry<A, T>(at, undefined, true);
    entry.stored = true;
    this.#change(entry, undefined);
  }

  get size(): number {
    return this.#load().size;
  }

  /** The entry that comes before all others. */
  first(): readonly [A, T] | undefined {
    const live = this.#load();
    const at = live.minKey();
    return at === undefined ? undefined : [at, live.get(at)!.value!];
  }

  /** The entry that comes after all others. */
  last(): readonly [A, T] | undefined {
    const live = this.#load();
    const at = live.maxKey();
    return at === undefined ? undefined : [at, live.get(at)!.value!];
  }

  /** Entries in their order, from the first that is not before `from` on, as long as `goOn` holds. A snapshot: changes made while it is walked are not seen. */
  from(from: A | undefined, goOn: (at: A) => boolean = always): readonly (readonly [A, T])[] {
    const out: (readonly [A, T])[] = [];
    for (const [at, entry] of this.#load().entries(from)) {
      if (!goOn(at)) break;
      out.push([at, entry.value!]);
    }
    return out;
  }

  /** Entries from one address to another, both included. The bytes of what lies in between have to lie between theirs, as under one key. */
  between(from: A, to: A): readonly (readonly [A, T])[] {
    const { compare, decode } = this.#address;
    if (this.#loaded || this.#lookedUp === lookUpsMax) return this.from(from, (at) => compare(at, to) <= 0);
    this.#lookedUp++;
    const [first, last] = [writeBytes(this.#writeAddress, from), writeBytes(this.#writeAddress, to)];
    const end = new Uint8Array(last.length + 1);
    end.set(last);
    const out: (readonly [A, T])[] = [];
    for (const [bytes, value] of this.#state.base.range(first, end)) {
      const at = decode(bytes.slice(this.#prefix.length));
      if (compare(from, at) <= 0 && compare(at, to) <= 0) out.push([at, this.#codec.decode(value)]);
    }
    return out.sort(([a], [b]) => compare(a, b));
  }

  seal(write: (key: Uint8Array, value: Uint8Array | null) => void): void {
    for (const entry of this.#dirty) {
      if (!entry.dirty) continue;
      entry.dirty = false;
      if (entry.value !== undefined) {
        entry.stored = true;
        const bytes = this.#codec.encode(entry.value);
        this.#sizes.learn(bytes.length);
        write(shareBytes(this.#writeAddress, entry.at), bytes);
      } else if (entry.stored) {
        entry.stored = false;
        write(shareBytes(this.#writeAddress, entry.at), null);
      }
    }
    this.#dirty = [];
    this.#leaving.clear();
  }

  reset(): void {
    this.#live.clear();
    this.#leaving.clear();
    this.#dirty = [];
    this.#loaded = false;
    this.#lookedUp = 0;
  }

  evict(): void {}

  readonly cached = 0;
  readonly cachedBytes = 0;

  get heldBytes(): number {
    return this.#live.size * (heldBytes.entry + this.#sizes.average);
  }

  get changed(): number {
    return this.#dirty.length;
  }

  #load(): SortedMap<A, Entry<A, T>> {
    if (this.#loaded) return this.#live;
    this.#loaded = true;
    const { length } = this.#prefix;
    for (const [bytes, value] of this.#state.base.range(this.#prefix, prefixEnd(this.#prefix))) {
      const at = this.#address.decode(bytes.slice(length));
      this.#live.set(at, new Entry(at, this.#codec.decode(value), true));
      this.#sizes.learn(value.length);
    }
    return this.#live;
  }

  #change(entry: Entry<A, T>, value: T | undefined): void {
    const { journal } = this.#state;
    if (journal !== undefined) {
      const before = entry.value;
      journal.push(() => this.#write(entry, before));
    }
    this.#write(entry, value);
  }

  #write(entry: Entry<A, T>, value: T | undefined): void {
    if (value === undefined) {
      this.#live.delete(entry.at);
      if (entry.stored) this.#leaving.set(this.#address.mapKey(entry.at), entry);
    } else if (entry.value === undefined) {
      this.#live.set(entry.at, entry);
      this.#leaving.delete(this.#address.mapKey(entry.at));
    }
    entry.value = value;
    if (value !== undefined && this.#sizes.isToSample()) this.#sizes.sample(value);
    if (entry.dirty) return;
    entry.dirty = true;
    this.#dirty.push(entry);
    this.#state.changedBytes += heldBytes.entry + this.#sizes.average;
  }

  readonly #writeAddress = (to: ByteWriter, at: A): void => {
    to.append(this.#prefix);
    writeSubKey(this.#address, to, at);
  };
}

/** A question from outside reads an entry or a few of one key, for which it would be too much to load all; who reads more will go on reading. */
const lookUpsMax = 8;

const always = (): boolean => true;
