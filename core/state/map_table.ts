import { columnPrefix, concat, prefixEnd, readScope, scopePrefix } from "./address.ts";
import type { MapKey, StepState, Table, ValueCodec } from "./step_state.ts";
import type { SubKey } from "./sub_key.ts";

class Entry<S, T> {
  readonly bucket: Bucket<S, T>;
  readonly sub: S;
  value: T | undefined;
  storeKey: Uint8Array | undefined;
  dirty = false;
  stored: boolean;

  constructor(bucket: Bucket<S, T>, sub: S, value: T | undefined, stored: boolean) {
    this.bucket = bucket;
    this.sub = sub;
    this.value = value;
    this.stored = stored;
  }
}

class Bucket<S, T> {
  readonly key: unknown;
  readonly namespace: unknown;
  readonly entries = new Map<string | number | bigint | boolean, Entry<S, T>>();
  /** Every entry of the base is loaded, so that what is not here is nowhere. */
  complete = false;
  /** The Map is in the order of the sub-keys. */
  sorted = true;
  last: S | undefined;
  live = 0;
  dirty = 0;
  touched = true;
  prefix: Uint8Array | undefined;

  constructor(key: unknown, namespace: unknown) {
    this.key = key;
    this.namespace = namespace;
  }
}

/**
 * Many values per key (or per key and namespace), each under a sub-key: the elements of a list, the entries of a map, the windows of a key. Every element is an entry of its own in the store, so a change writes that
 * element only.
 */
export class MapTable<S, T> implements Table {
  readonly #state: StepState;
  readonly #prefix: Uint8Array;
  readonly #sub: SubKey<S>;
  readonly #codec: ValueCodec<T>;
  readonly #namespaced: boolean;
  readonly #buckets = new Map<MapKey, Bucket<S, T>>();
  #dirty: Entry<S, T>[] = [];
  #lastKey: MapKey | undefined;
  #last: Bucket<S, T> | undefined;

  constructor(state: StepState, column: string, sub: SubKey<S>, codec: ValueCodec<T>, namespaced: boolean) {
    this.#state = state;
    this.#prefix = columnPrefix(column);
    this.#sub = sub;
    this.#codec = codec;
    this.#namespaced = namespaced;
  }

  get(sub: S): T | undefined {
    return this.#find(this.#bucket(), sub)?.value;
  }

  has(sub: S): boolean {
    return this.get(sub) !== undefined;
  }

  set(sub: S, value: T): void {
    const bucket = this.#bucket();
    this.#change(this.#find(bucket, sub) ?? this.#add(bucket, sub, undefined, false), value);
  }

  delete(sub: S): void {
    const entry = this.#find(this.#bucket(), sub);
    if (entry?.value !== undefined) this.#change(entry, undefined);
  }

  /** Adds behind the largest sub-key, for tables whose sub-keys are numbers: the next sequence number. */
  append(this: MapTable<number, T>, value: T): number {
    const bucket = this.#complete();
    const sub = bucket.last === undefined ? 0 : bucket.last + 1;
    this.#change(this.#find(bucket, sub) ?? this.#add(bucket, sub, undefined, false), value);
    return sub;
  }

  /** Removes every entry of the current key (and namespace). */
  clear(): void {
    for (const entry of [...this.#complete().entries.values()]) if (entry.value !== undefined) this.#change(entry, undefined);
  }

  isEmpty(): boolean {
    return this.#complete().live === 0;
  }

  get size(): number {
    return this.#complete().live;
  }

  /** Entries in the order of their sub-keys. A snapshot: changes made while it is walked are not seen. */
  entries(): readonly (readonly [S, T])[] {
    const bucket = this.#complete();
    this.#sort(bucket);
    const out: (readonly [S, T])[] = [];
    for (const entry of bucket.entries.values()) if (entry.value !== undefined) out.push([entry.sub, entry.value]);
    return out;
  }

  /** Values in the order of their sub-keys, as a snapshot. */
  values(): readonly T[] {
    const bucket = this.#complete();
    this.#sort(bucket);
    const out: T[] = [];
    for (const entry of bucket.entries.values()) if (entry.value !== undefined) out.push(entry.value);
    return out;
  }

  /** Each key (and namespace) that has entries, in no order. */
  *scopes(): IterableIterator<{ readonly key: unknown; readonly namespace: unknown }> {
    const seen = new Set<string>();
    const base = this.#state.base.range(this.#prefix, prefixEnd(this.#prefix));
    const cached = [...this.#buckets.values()];
    for (const bucket of cached) {
      seen.add(this.#name(this.#prefixOf(bucket)));
      if (bucket.complete ? bucket.live > 0 : [...bucket.entries.values()].some((entry) => entry.value !== undefined) || this.#load(bucket).live > 0) yield bucket;
    }
    for (const [bytes] of [...base]) {
      const scope = readScope(this.#state, this.#prefix.length, bytes, this.#namespaced);
      const name = this.#name(bytes.subarray(0, scope.rest));
      if (seen.has(name)) continue;
      seen.add(name);
      yield { key: scope.key, namespace: scope.namespace };
    }
  }

  seal(write: (key: Uint8Array, value: Uint8Array | null) => void): void {
    for (const entry of this.#dirty) {
      if (!entry.dirty) continue;
      entry.dirty = false;
      const { bucket } = entry;
      bucket.dirty--;
      const stored = entry.stored || (!bucket.complete && this.#state.base.get(this.#storeKey(entry)) !== undefined);
      if (entry.value === undefined) {
        // What is gone needs no place here once the bucket is known to be complete.
        if (bucket.complete) bucket.entries.delete(this.#sub.mapKey(entry.sub));
        if (!stored) continue;
      }
      entry.stored = entry.value !== undefined;
      write(this.#storeKey(entry), entry.value === undefined ? null : this.#codec.encode(entry.value));
    }
    this.#dirty = [];
    // A complete bucket without entries says nothing that the base will not say after the commit; one that waits for its commit is kept by the state.
  }

  reset(): void {
    this.#buckets.clear();
    this.#dirty = [];
    this.#last = undefined;
    this.#lastKey = undefined;
  }

  evict(keep: number): void {
    this.#last = undefined;
    this.#lastKey = undefined;
    let cached = this.cached;
    let left = this.#buckets.size;
    for (const [mapKey, bucket] of this.#buckets) {
      if (left-- === 0) break;
      if (bucket.dirty > 0) continue;
      if (bucket.complete && bucket.live === 0) {
        this.#buckets.delete(mapKey);
        cached -= bucket.entries.size + 1;
      } else if (cached <= keep) continue;
      else if (bucket.touched) {
        bucket.touched = false;
        this.#buckets.delete(mapKey);
        this.#buckets.set(mapKey, bucket);
      } else {
        this.#buckets.delete(mapKey);
        cached -= bucket.entries.size + 1;
      }
    }
  }

  get cached(): number {
    let n = 0;
    for (const bucket of this.#buckets.values()) n += bucket.entries.size + 1;
    return n;
  }

  get changed(): number {
    return this.#dirty.length;
  }

  #bucket(): Bucket<S, T> {
    const state = this.#state;
    const mapKey = this.#namespaced ? state.scopedKey : state.mapKey;
    if (this.#last !== undefined && mapKey === this.#lastKey) return this.#last;
    let bucket = this.#buckets.get(mapKey);
    if (bucket === undefined) {
      bucket = new Bucket<S, T>(state.key, state.namespace);
      this.#buckets.set(mapKey, bucket);
    }
    bucket.touched = true;
    this.#lastKey = mapKey;
    this.#last = bucket;
    return bucket;
  }

  #complete(): Bucket<S, T> {
    const bucket = this.#bucket();
    return bucket.complete ? bucket : this.#load(bucket);
  }

  #load(bucket: Bucket<S, T>): Bucket<S, T> {
    const prefix = this.#prefixOf(bucket);
    for (const [bytes, value] of this.#state.base.range(prefix, prefixEnd(prefix))) {
      const sub = this.#sub.decode(bytes.subarray(prefix.length));
      if (!bucket.entries.has(this.#sub.mapKey(sub))) this.#add(bucket, sub, this.#codec.decode(value), true);
    }
    bucket.complete = true;
    return bucket;
  }

  #find(bucket: Bucket<S, T>, sub: S): Entry<S, T> | undefined {
    const entry = bucket.entries.get(this.#sub.mapKey(sub));
    if (entry !== undefined || bucket.complete) return entry;
    const bytes = this.#state.base.get(concat([this.#prefixOf(bucket), this.#sub.encode(sub)]));
    return this.#add(bucket, sub, bytes === undefined ? undefined : this.#codec.decode(bytes), bytes !== undefined);
  }

  #add(bucket: Bucket<S, T>, sub: S, value: T | undefined, stored: boolean): Entry<S, T> {
    const entry = new Entry<S, T>(bucket, sub, value, stored);
    bucket.entries.set(this.#sub.mapKey(sub), entry);
    if (value !== undefined) bucket.live++;
    if (bucket.last === undefined || this.#sub.compare(bucket.last, sub) <= 0) bucket.last = sub;
    else bucket.sorted = false;
    return entry;
  }

  #change(entry: Entry<S, T>, value: T | undefined): void {
    const journal = this.#state.journal;
    if (journal !== undefined) {
      const before = entry.value;
      journal.push(() => this.#write(entry, before));
    }
    this.#write(entry, value);
  }

  #write(entry: Entry<S, T>, value: T | undefined): void {
    const { bucket } = entry;
    if (entry.value === undefined && value !== undefined) {
      bucket.live++;
      // It may have left the Map when its deletion was sealed.
      const mapKey = this.#sub.mapKey(entry.sub);
      if (bucket.entries.get(mapKey) !== entry) {
        bucket.entries.set(mapKey, entry);
        bucket.sorted = false;
      }
    } else if (entry.value !== undefined && value === undefined) bucket.live--;
    entry.value = value;
    if (!entry.dirty) {
      entry.dirty = true;
      bucket.dirty++;
      this.#dirty.push(entry);
      this.#state.changedBytes += 64;
    }
  }

  #sort(bucket: Bucket<S, T>): void {
    if (bucket.sorted) return;
    const entries = [...bucket.entries.values()].sort((a, b) => this.#sub.compare(a.sub, b.sub));
    bucket.entries.clear();
    for (const entry of entries) bucket.entries.set(this.#sub.mapKey(entry.sub), entry);
    bucket.sorted = true;
  }

  #prefixOf(bucket: Bucket<S, T>): Uint8Array {
    return (bucket.prefix ??= scopePrefix(this.#state, this.#prefix, bucket.key, this.#namespaced, bucket.namespace));
  }

  #storeKey(entry: Entry<S, T>): Uint8Array {
    return (entry.storeKey ??= concat([this.#prefixOf(entry.bucket), this.#sub.encode(entry.sub)]));
  }

  #name(bytes: Uint8Array): string {
    return String.fromCharCode(...bytes);
  }
}
