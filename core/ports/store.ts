/** One change in a batch: `value` null deletes. */
export interface StoreWrite {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

/** What a store remembers about itself, written in the same atomic batch as the data. */
export interface StorePosition {
  /** Next offset of the changelog that is not yet applied. */
  readonly changelogOffset: number;
}

/**
 * Committed bytes of one step and partition, ordered by unsigned byte comparison of the keys. Reads are synchronous, so that a record passes through the
 * operators without a pause; only opening and closing may wait. The engine writes nothing here that is not committed: uncommitted changes stay in the
 * overlay above.
 *
 * Arrays that come out are the caller's. Those that go in may be views of larger ones: a store that keeps them keeps copies.
 */
export interface Store {
  get(key: Uint8Array): Uint8Array | undefined;
  /** Entries with `from <= key < to` in ascending order; an absent bound is open. */
  range(from: Uint8Array | undefined, to: Uint8Array | undefined): Iterable<readonly [Uint8Array, Uint8Array]>;
  /** Entries with `from <= key < to` in descending order. */
  rangeDescending(from: Uint8Array | undefined, to: Uint8Array | undefined): Iterable<readonly [Uint8Array, Uint8Array]>;
  /** Applies all writes and the position, or nothing. */
  write(batch: readonly StoreWrite[], position: StorePosition): void;
  /** Undefined when the store was never written, or cannot vouch for what it holds. */
  readonly position: StorePosition | undefined;
  readonly approximateEntries: number;
  /** How much memory it takes, in bytes, by estimate; absent where it does not know. */
  readonly memoryBytes?: number;
  /** Forgets everything: the store is restored from the start of its changelog. */
  wipe(): void;
  close(): Promise<void>;
}

/** Makes and opens stores; the memory engine forgets when the process ends, a disk engine finds what it had committed. */
export interface StoreEngine {
  open(id: { readonly applicationId: string; readonly store: string; readonly partition: number }): Promise<Store>;
}
