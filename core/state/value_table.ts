import { columnPrefix, prefixEnd, readScope, scopePrefix } from "./address.ts";
import { heldBytes } from "./held_bytes.ts";
import { type NamespaceKey, type Scoped, ScopeMap } from "./scope_map.ts";
import type { MapKey, StepState, Table, ValueCodec } from "./step_state.ts";
import { ValueSizes } from "./value_sizes.ts";

class Slot<T> implements Scoped {
  value: T | undefined;
  readonly mapKey: MapKey;
  readonly namespaceKey: NamespaceKey;
  readonly key: unknown;
  readonly namespace: unknown;
  readonly storeKey: Uint8Array;
  /** Changed since the last seal. */
  dirty = false;
  /** The number of the part that it was sealed in last. */
  part = 0;
  /** The base has an entry, or will have one when the sealed part is committed. */
  stored: boolean;
  touched = true;
  /** What it takes in memory, by estimate. */
  bytes: number;

  constructor(state: StepState, namespaced: boolean, storeKey: Uint8Array, value: T | undefined, stored: boolean, valueBytes: number) {
    this.mapKey = state.mapKey;
    this.namespaceKey = namespaced ? state.namespaceKey : undefined;
    this.key = state.key;
    this.namespace = namespaced ? state.namespace : undefined;
    this.storeKey = storeKey;
    this.value = value;
    this.stored = stored;
    this.bytes = heldBytes.value + storeKey.length + valueBytes;
  }
}

/** One value per key (or per key and namespace). `undefined` means that there is none. */
export class ValueTable<T> implements Table {
  readonly #state: StepState;
  readonly #prefix: Uint8Array;
  readonly #codec: ValueCodec<T>;
  readonly #namespaced: boolean;
  readonly #slots: ScopeMap<Slot<T>>;
  readonly #sizes: ValueSizes<T>;
  #dirty: Slot<T>[] = [];
  /** Sealed as deleted, and remembered until the base knows. */
  #gone: Slot<T>[] = [];
  /** Of the part that waits for its commit, or of the next one: what is in it the base does not know yet. */
  #part = 1;
  /** Of its slots that were not changed again. */
  #partBytes = 0;
  /** Of the slots that are neither dirty nor sealed. */
  cachedBytes = 0;
  readonly heldBytes = 0;

  constructor(state: StepState, column: string, codec: ValueCodec<T>, namespaced: boolean) {
    this.#state = state;
    this.#prefix = columnPrefix(column);
    this.#codec = codec;
    this.#sizes = new ValueSizes(codec);
    this.#namespaced = namespaced;
    this.#slots = new ScopeMap(state, namespaced);
  }

  /** Of the current key (and namespace). */
  get(): T | undefined {
    return this.#slot().value;
  }

  set(value: T | undefined): void {
    const slot = this.#slot();
    const journal = this.#state.journal;
    if (journal !== undefined) {
      const before = slot.value;
      journal.push(() => this.#write(slot, before));
    }
    this.#write(slot, value);
  }

  clear(): void {
    if (this.#slot().value !== undefined) this.set(undefined);
  }

  /** Clears, and tells the changelog so even if nothing was there: it then has every deletion that the step has told. */
  bury(): void {
    const slot = this.#slot();
    slot.stored = true;
    this.set(undefined);
  }

  /** Every key with its value, in no order. The table may be changed meanwhile; whether a change is seen is not said. */
  *all(): IterableIterator<readonly [key: unknown, value: T, namespace: unknown]> {
    for (const slot of [...this.#slots.values()]) if (slot.value !== undefined) yield [slot.key, slot.value, slot.namespace];
    for (const [bytes, value] of [...this.#state.base.range(this.#prefix, prefixEnd(this.#prefix))]) {
      const scope = readScope(this.#state, this.#prefix.length, bytes, this.#namespaced);
      if (!this.#isCached(scope.key, scope.namespace)) yield [scope.key, this.#codec.decode(value), scope.namespace];
    }
  }

  seal(write: (key: Uint8Array, value: Uint8Array | null) => void): void {
    let partBytes = 0;
    for (const slot of this.#dirty) {
      if (!slot.dirty) continue;
      slot.dirty = false;
      // Made and deleted between two commits: the log never hears of it.
      if (slot.value === undefined && !slot.stored) {
        this.#slots.delete(slot);
        continue;
      }
      slot.stored = slot.value !== undefined;
      slot.part = this.#part;
      if (slot.value === undefined) {
        this.#gone.push(slot);
        write(slot.storeKey, null);
      } else {
        const bytes = this.#codec.encode(slot.value);
        this.#measured(slot, bytes.length);
        this.#sizes.learn(bytes.length);
        write(slot.storeKey, bytes);
      }
      partBytes += slot.bytes;
    }
    this.#partBytes = partBytes;
    this.#dirty = [];
  }

  committed(): void {
    this.cachedBytes += this.#partBytes;
    this.#partBytes = 0;
    this.#part++;
    for (const slot of this.#gone) if (slot.value === undefined && !slot.dirty) this.#drop(slot);
    this.#gone = [];
  }

  reset(): void {
    this.#slots.clear();
    this.#dirty = [];
    this.#gone = [];
    this.#part++;
    this.#partBytes = 0;
    this.cachedBytes = 0;
  }

  evict(keepBytes: number): void {
    // What was touched since the last round gets a second one.
    for (let round = 0; round < 2 && this.cachedBytes > keepBytes; round++)
      for (const slot of this.#slots.values()) {
        if (this.cachedBytes <= keepBytes) break;
        if (slot.dirty || slot.part === this.#part) continue;
        if (slot.touched) slot.touched = false;
        else this.#drop(slot);
      }
  }

  get cached(): number {
    return this.#slots.size;
  }

  get changed(): number {
    return this.#dirty.length;
  }

  #slot(): Slot<T> {
    let slot = this.#slots.get();
    if (slot === undefined) {
      this.#slots.add((slot = this.#load()));
      this.cachedBytes += slot.bytes;
    }
    slot.touched = true;
    return slot;
  }

  #load(): Slot<T> {
    const { key, namespace, base } = this.#state;
    const storeKey = scopePrefix(this.#state, this.#prefix, key, this.#namespaced, namespace);
    const bytes = base.get(storeKey);
    return new Slot<T>(
      this.#state,
      this.#namespaced,
      storeKey,
      bytes === undefined ? undefined : this.#codec.decode(bytes),
      bytes !== undefined,
      bytes?.length ?? this.#sizes.average,
    );
  }

  #write(slot: Slot<T>, value: T | undefined): void {
    slot.value = value;
    if (!slot.dirty) {
      if (slot.part === this.#part) this.#partBytes -= slot.bytes;
      else this.cachedBytes -= slot.bytes;
      slot.dirty = true;
      this.#dirty.push(slot);
      this.#state.changedBytes += slot.bytes;
    }
    if (value !== undefined && this.#sizes.isToSample()) this.#sample(slot, value);
  }

  /** Values may grow while they are held. */
  #sample(slot: Slot<T>, value: T): void {
    const { bytes } = slot;
    this.#measured(slot, this.#sizes.sample(value));
    this.#state.changedBytes += slot.bytes - bytes;
  }

  #drop(slot: Slot<T>): void {
    this.#slots.delete(slot);
    this.cachedBytes -= slot.bytes;
  }

  #measured(slot: Slot<T>, valueBytes: number): void {
    slot.bytes = heldBytes.value + slot.storeKey.length + valueBytes;
  }

  #isCached(key: unknown, namespace: unknown): boolean {
    const state = this.#state;
    const { key: currentKey, mapKey: currentMapKey, namespace: currentNamespace } = state;
    state.setKey(key);
    state.setNamespace(namespace);
    const cached = this.#slots.has(state.mapKey, this.#namespaced ? state.namespaceKey : undefined);
    state.key = currentKey;
    state.mapKey = currentMapKey;
    state.setNamespace(currentNamespace);
    return cached;
  }
}
