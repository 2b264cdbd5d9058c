import { columnPrefix, prefixEnd, readScope, scopePrefix } from "./address.ts";
import type { MapKey, StepState, Table, ValueCodec } from "./step_state.ts";

class Slot<T> {
  value: T | undefined;
  readonly key: unknown;
  readonly namespace: unknown;
  storeKey: Uint8Array | undefined;
  /** Changed since the last seal. */
  dirty = false;
  /** The base has an entry, or will have one when the sealed part is committed. */
  stored: boolean;
  touched = true;

  constructor(key: unknown, namespace: unknown, storeKey: Uint8Array | undefined, value: T | undefined, stored: boolean) {
    this.key = key;
    this.namespace = namespace;
    this.storeKey = storeKey;
    this.value = value;
    this.stored = stored;
  }
}

/** One value per key (or per key and namespace). `undefined` means that there is none. */
export class ValueTable<T> implements Table {
  readonly #state: StepState;
  readonly #prefix: Uint8Array;
  readonly #codec: ValueCodec<T>;
  readonly #namespaced: boolean;
  readonly #slots = new Map<MapKey, Slot<T>>();
  #dirty: Slot<T>[] = [];
  // A step mostly asks for the same key twice in a row: once to read, once to write.
  #lastKey: MapKey | undefined;
  #last: Slot<T> | undefined;

  constructor(state: StepState, column: string, codec: ValueCodec<T>, namespaced: boolean) {
    this.#state = state;
    this.#prefix = columnPrefix(column);
    this.#codec = codec;
    this.#namespaced = namespaced;
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

  /** Every key with its value, in no order. The table may be changed meanwhile; whether a change is seen is not said. */
  *all(): IterableIterator<readonly [key: unknown, value: T, namespace: unknown]> {
    for (const slot of [...this.#slots.values()]) if (slot.value !== undefined) yield [slot.key, slot.value, slot.namespace];
    const seen = new Set(this.#slots.keys());
    for (const [bytes, value] of [...this.#state.base.range(this.#prefix, prefixEnd(this.#prefix))]) {
      const scope = readScope(this.#state, this.#prefix.length, bytes, this.#namespaced);
      if (!seen.has(this.#mapKeyOf(scope.key, scope.namespace))) yield [scope.key, this.#codec.decode(value), scope.namespace];
    }
  }

  seal(write: (key: Uint8Array, value: Uint8Array | null) => void): void {
    for (const slot of this.#dirty) {
      if (!slot.dirty) continue;
      slot.dirty = false;
      // Made and deleted between two commits: the log never hears of it.
      if (slot.value === undefined && !slot.stored) continue;
      slot.stored = slot.value !== undefined;
      write(this.#storeKey(slot), slot.value === undefined ? null : this.#codec.encode(slot.value));
    }
    this.#dirty = [];
  }

  reset(): void {
    this.#slots.clear();
    this.#dirty = [];
    this.#last = undefined;
    this.#lastKey = undefined;
  }

  evict(keep: number): void {
    this.#last = undefined;
    this.#lastKey = undefined;
    // The Map is in order of arrival; what was touched since the last round gets a second one.
    let left = this.#slots.size;
    for (const [mapKey, slot] of this.#slots) {
      if (this.#slots.size <= keep || left-- === 0) break;
      if (slot.dirty) continue;
      if (slot.touched) {
        slot.touched = false;
        this.#slots.delete(mapKey);
        this.#slots.set(mapKey, slot);
      } else this.#slots.delete(mapKey);
    }
  }

  get cached(): number {
    return this.#slots.size;
  }

  get changed(): number {
    return this.#dirty.length;
  }

  #slot(): Slot<T> {
    const state = this.#state;
    const mapKey = this.#namespaced ? state.scopedKey : state.mapKey;
    if (this.#last !== undefined && mapKey === this.#lastKey) return this.#last;
    let slot = this.#slots.get(mapKey);
    if (slot === undefined) {
      slot = this.#load();
      this.#slots.set(mapKey, slot);
    }
    slot.touched = true;
    this.#lastKey = mapKey;
    this.#last = slot;
    return slot;
  }

  #load(): Slot<T> {
    const { key, namespace, base } = this.#state;
    const storeKey = scopePrefix(this.#state, this.#prefix, key, this.#namespaced, namespace);
    const bytes = base.get(storeKey);
    return new Slot<T>(key, namespace, storeKey, bytes === undefined ? undefined : this.#codec.decode(bytes), bytes !== undefined);
  }

  #write(slot: Slot<T>, value: T | undefined): void {
    slot.value = value;
    if (!slot.dirty) {
      slot.dirty = true;
      this.#dirty.push(slot);
      this.#state.changedBytes += 64;
    }
  }

  #storeKey(slot: Slot<T>): Uint8Array {
    return (slot.storeKey ??= scopePrefix(this.#state, this.#prefix, slot.key, this.#namespaced, slot.namespace));
  }

  #mapKeyOf(key: unknown, namespace: unknown): MapKey {
    const { key: currentKey, namespace: currentNamespace } = this.#state;
    this.#state.setKey(key);
    this.#state.setNamespace(namespace);
    const mapKey = this.#namespaced ? this.#state.scopedKey : this.#state.mapKey;
    this.#state.setKey(currentKey);
    this.#state.setNamespace(currentNamespace);
    return mapKey;
  }
}
