import { type ByteWriter, shareBytes } from "../serde/byte_writer.ts";
import { columnPrefix, prefixEnd, readScope, scopePrefix } from "./address.ts";
import { heldBytes } from "./held_bytes.ts";
import { Bucket, Entry } from "./map_bucket.ts";
import { ScopeMap } from "./scope_map.ts";
import type { StepState, Table, ValueCodec } from "./step_state.ts";
import { StoredScopes, scopeHash } from "./stored_scopes.ts";
import { type SubKey, writeSubKey } from "./sub_key.ts";
import { ValueSizes } from "./value_sizes.ts";

type Addressed<S, T> = Pick<Entry<S, T>, "bucket" | "sub">;

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
  readonly #buckets: ScopeMap<Bucket<S, T>>;
  /** Namespaces come and go, and most that are asked for are new. Counted before the first change, and by each commit. */
  #stored: StoredScopes | undefined;
  /** The entry that was asked for last: what is read is mostly written next. */
  #last: Entry<S, T> | undefined;
  #dirty: Entry<S, T>[] = [];
  readonly #sizes: ValueSizes<T>;
  /** What waits for its commit: the base does not know it yet. */
  #sealed: Entry<S, T>[] = [];
  /** Asked for and found empty: not worth a place in memory once the record that asked is done. */
  #asked: Bucket<S, T>[] = [];
  #entries = 0;
  /** Of the buckets in which nothing waits for a commit. */
  cachedBytes = 0;
  readonly heldBytes = 0;

  constructor(state: StepState, column: string, sub: SubKey<S>, codec: ValueCodec<T>, namespaced: boolean) {
    this.#state = state;
    this.#prefix = columnPrefix(column);
    this.#sub = sub;
    this.#codec = codec;
    this.#sizes = new ValueSizes(codec);
    this.#namespaced = namespaced;
    this.#buckets = new ScopeMap(state, namespaced);
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

  /** The same where the caller knows that there is no entry: the store is not asked. */
  insert(sub: S, value: T): void {
    const bucket = this.#bucket();
    this.#change(bucket.entries.get(this.#sub.mapKey(sub)) ?? this.#add(bucket, sub, undefined, false), value);
  }

  delete(sub: S): void {
    const entry = this.#find(this.#bucket(), sub);
    if (entry?.value !== undefined) this.#change(entry, undefined);
  }

  /** Adds behind the largest sub-key, for tables whose sub-keys are numbers: the next sequence number. */
  append(this: MapTable<number, T>, value: T): number {
    const bucket = this.#complete();
    const sub = bucket.last === undefined ? 0 : bucket.last + 1;
    this.#change(this.#add(bucket, sub, undefined, false), value);
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
    if (this.#isNowhere()) return [];
    const bucket = this.#complete();
    bucket.sort(this.#sub);
    const out: (readonly [S, T])[] = [];
    for (const entry of bucket.entries.values()) if (entry.value !== undefined) out.push([entry.sub, entry.value]);
    return out;
  }

  /** Values in the order of their sub-keys, as a snapshot. */
  values(): readonly T[] {
    const bucket = this.#complete();
    bucket.sort(this.#sub);
    const out: T[] = [];
    for (const entry of bucket.entries.values()) if (entry.value !== undefined) out.push(entry.value);
    return out;
  }

  /** Calls the function for each entry, in no order. The table must not be changed meanwhile. */
  forEach(fn: (value: T, sub: S) => void): void {
    for (const { sub, value } of this.#complete().entries.values()) if (value !== undefined) fn(value, sub);
  }

  /** Each key (and namespace) that has entries, in no order. */
  *scopes(): IterableIterator<{ readonly key: unknown; readonly namespace: unknown }> {
    const seen = new Set<string>();
    const base = this.#state.base.range(this.#prefix, prefixEnd(this.#prefix));
    for (const bucket of [...this.#buckets.values()]) {
      seen.add(this.#name(bucket.prefix));
      if (
        bucket.complete
          ? bucket.live > 0
          : [...bucket.entries.values()].some((entry) => entry.value !== undefined) || this.#load(bucket).live > 0
      )
        yield bucket;
    }
    for (const [bytes] of [...base]) {
      const scope = readScope(this.#state, this.#prefix.length, bytes, this.#namespaced);
      const name = this.#name(bytes.subarray(0, scope.rest));
      if (seen.has(name)) continue;
      seen.add(name);
      yield { key: scope.key, namespace: scope.namespace };
    }
  }

  /** The address of each entry of the base, in the order of its bytes. */
  *storedAddresses(): IterableIterator<{ readonly key: unknown; readonly namespace: unknown; readonly sub: S }> {
    for (const [bytes] of this.#state.base.range(this.#prefix, prefixEnd(this.#prefix))) {
      const { key, namespace, rest } = readScope(this.#state, this.#prefix.length, bytes, this.#namespaced);
      yield { key, namespace, sub: this.#sub.decode(bytes.subarray(rest)) };
    }
  }

  seal(write: (key: Uint8Array, value: Uint8Array | null) => void): void {
    const sealed: Entry<S, T>[] = [];
    for (const entry of this.#dirty) {
      if (!entry.dirty) continue;
      entry.dirty = false;
      const { bucket } = entry;
      if (entry.value === undefined && !entry.stored) {
        this.#settle(bucket, "dirty");
        this.#forget(entry);
        continue;
      }
      bucket.dirty--;
      bucket.sealed++;
      sealed.push(entry);
      if (entry.value === undefined) {
        entry.stored = false;
        entry.leaving = true;
        write(this.#address(entry), null);
      } else {
        if (!entry.stored) this.#stored?.add(bucket.hash);
        entry.stored = true;
        const bytes = this.#codec.encode(entry.value);
        this.#measured(entry, bytes.length);
        this.#sizes.learn(bytes.length);
        write(this.#address(entry), bytes);
      }
    }
    this.#sealed = sealed;
    this.#dirty = [];
  }

  committed(): void {
    for (const entry of this.#sealed) {
      this.#settle(entry.bucket, "sealed");
      if (!entry.leaving) continue;
      entry.leaving = false;
      this.#stored?.remove(entry.bucket.hash);
      if (entry.value === undefined && !entry.dirty) this.#forget(entry);
    }
    this.#sealed = [];
    for (const bucket of this.#asked) if (bucket.entries.size === 0 && bucket.dirty === 0) this.#drop(bucket);
    this.#asked = [];
  }

  reset(): void {
    this.#buckets.clear();
    this.#dirty = [];
    this.#sealed = [];
    this.#asked = [];
    this.#stored = undefined;
    this.#last = undefined;
    this.#entries = 0;
    this.cachedBytes = 0;
  }

  evict(keepBytes: number): void {
    this.#last = undefined;
    for (let round = 0; round < 2 && this.cachedBytes > keepBytes; round++)
      for (const bucket of this.#buckets.values()) {
        if (!bucket.isClean) continue;
        const empty = bucket.complete && bucket.live === 0;
        if (!empty && this.cachedBytes <= keepBytes) continue;
        // What was touched since the last round gets a second one.
        if (!empty && bucket.touched) bucket.touched = false;
        else this.#drop(bucket);
      }
  }

  /** About how many bytes an entry takes in memory. */
  get entryBytes(): number {
    return heldBytes.entry + this.#sizes.average;
  }

  get cached(): number {
    return this.#entries + this.#buckets.size;
  }

  get changed(): number {
    return this.#dirty.length;
  }

  #bucket(): Bucket<S, T> {
    let bucket = this.#buckets.get();
    if (bucket === undefined) {
      if (this.#namespaced) this.#stored ??= new StoredScopes(this.#state.base, this.#prefix);
      bucket = new Bucket<S, T>(this.#state, this.#scopePrefix(), this.#namespaced);
      this.#buckets.add(bucket);
      this.cachedBytes += bucket.bytes;
    }
    bucket.touched = true;
    return bucket;
  }

  #complete(): Bucket<S, T> {
    const bucket = this.#bucket();
    return bucket.complete ? bucket : this.#load(bucket);
  }

  #load(bucket: Bucket<S, T>): Bucket<S, T> {
    const { prefix } = bucket;
    if (this.#stored?.mayHold(bucket.hash) !== false)
      for (const [bytes, value] of this.#state.base.range(prefix, prefixEnd(prefix))) {
        const sub = this.#sub.decode(bytes.subarray(prefix.length));
        if (!bucket.entries.has(this.#sub.mapKey(sub))) this.#add(bucket, sub, this.#codec.decode(value), true, value.length);
      }
    bucket.complete = true;
    if (bucket.entries.size === 0) this.#asked.push(bucket);
    return bucket;
  }

  /** The current key (and namespace) is known to have no entries, without there being a place for them. */
  #isNowhere(): boolean {
    if (!this.#namespaced || this.#buckets.get() !== undefined) return false;
    this.#stored ??= new StoredScopes(this.#state.base, this.#prefix);
    return !this.#stored.mayHold(scopeHash(this.#scopePrefix()));
  }

  #scopePrefix(): Uint8Array {
    const { key, namespace } = this.#state;
    return scopePrefix(this.#state, this.#prefix, key, this.#namespaced, namespace);
  }

  #find(bucket: Bucket<S, T>, sub: S): Entry<S, T> | undefined {
    const last = this.#last;
    if (last !== undefined && last.sub === sub && last.bucket === bucket) return last;
    let entry = bucket.entries.get(this.#sub.mapKey(sub));
    if (entry === undefined && !bucket.complete) {
      const bytes = this.#state.base.get(this.#address({ bucket, sub }));
      entry = this.#add(bucket, sub, bytes === undefined ? undefined : this.#codec.decode(bytes), bytes !== undefined, bytes?.length);
    }
    this.#last = entry;
    return entry;
  }

  #add(bucket: Bucket<S, T>, sub: S, value: T | undefined, stored: boolean, valueBytes = this.#sizes.average): Entry<S, T> {
    const entry = new Entry<S, T>(bucket, sub, value, stored, valueBytes);
    this.#put(entry);
    if (value !== undefined) bucket.live++;
    if (bucket.last === undefined || this.#sub.compare(bucket.last, sub) <= 0) bucket.last = sub;
    else bucket.sorted = false;
    return entry;
  }

  #put(entry: Entry<S, T>): void {
    entry.bucket.entries.set(this.#sub.mapKey(entry.sub), entry);
    this.#entries++;
    this.#grow(entry.bucket, entry.bytes);
  }

  #remove(entry: Entry<S, T>): void {
    const { bucket } = entry;
    if (this.#last === entry) this.#last = undefined;
    bucket.entries.delete(this.#sub.mapKey(entry.sub));
    this.#entries--;
    this.#grow(bucket, -entry.bytes);
  }

  /** Nothing is there, neither here nor in the base, so nothing need be remembered. */
  #forget(entry: Entry<S, T>): void {
    const { bucket } = entry;
    if (bucket.entries.get(this.#sub.mapKey(entry.sub)) === entry) this.#remove(entry);
    else if (this.#last === entry) this.#last = undefined;
    // That a key has nothing is worth knowing as long as there is room, since it saves a look into the base; a window that is over is not asked for again.
    if (bucket.entries.size === 0 && bucket.dirty === 0 && (this.#namespaced || !bucket.complete)) this.#drop(bucket);
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
      // It may have left the Map when it was deleted, and somebody who then asked for it have left the mark that there is nothing.
      const there = bucket.entries.get(this.#sub.mapKey(entry.sub));
      if (there !== entry) {
        if (there !== undefined) this.#remove(there);
        this.#put(entry);
        bucket.sorted = false;
      }
    } else if (entry.value !== undefined && value === undefined) bucket.live--;
    entry.value = value;
    if (!entry.dirty) {
      if (bucket.isClean && !bucket.gone) this.cachedBytes -= bucket.bytes;
      entry.dirty = true;
      bucket.dirty++;
      this.#dirty.push(entry);
      this.#state.changedBytes += entry.bytes;
    }
    if (value !== undefined && this.#sizes.isToSample()) this.#sample(entry, value);
    // Otherwise what is made and deleted again would be in the way of every walk until the next commit.
    if (value === undefined && !entry.stored && !entry.leaving) this.#forget(entry);
  }

  /** One entry of the bucket has become what the base knows, or has gone. */
  #settle(bucket: Bucket<S, T>, what: "dirty" | "sealed"): void {
    bucket[what]--;
    if (bucket.isClean && !bucket.gone) this.cachedBytes += bucket.bytes;
  }

  /** Values may grow while they are held. */
  #sample(entry: Entry<S, T>, value: T): void {
    const { bytes } = entry;
    this.#measured(entry, this.#sizes.sample(value));
    this.#state.changedBytes += entry.bytes - bytes;
  }

  #measured(entry: Entry<S, T>, valueBytes: number): void {
    const bytes = heldBytes.entry + valueBytes;
    this.#grow(entry.bucket, bytes - entry.bytes);
    entry.bytes = bytes;
  }

  #grow(bucket: Bucket<S, T>, bytes: number): void {
    bucket.bytes += bytes;
    if (bucket.isClean && !bucket.gone) this.cachedBytes += bytes;
  }

  #drop(bucket: Bucket<S, T>): void {
    if (bucket.gone) return;
    bucket.gone = true;
    this.#buckets.delete(bucket);
    this.#entries -= bucket.entries.size;
    if (bucket.isClean) this.cachedBytes -= bucket.bytes;
  }

  #address(of: Addressed<S, T>): Uint8Array {
    return shareBytes(this.#writeAddress, of);
  }

  readonly #writeAddress = (to: ByteWriter, { bucket, sub }: Addressed<S, T>): void => {
    to.append(bucket.prefix);
    writeSubKey(this.#sub, to, sub);
  };

  #name(bytes: Uint8Array): string {
    return String.fromCharCode(...bytes);
  }
}
