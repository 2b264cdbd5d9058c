import sortedBtree from "sorted-btree";
import type { Store, StoreEngine, StorePosition, StoreWrite } from "../ports/store.ts";

// The package is CommonJS: its class is the default of the default.
const BTree = sortedBtree.default;
type Ordered = InstanceType<typeof sortedBtree.default<string, Entry>>;

interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Keys are held as strings of one byte per character: engines compare and hash those fastest, and their order is the order of the bytes. */
const nameOf = (bytes: Uint8Array): string => {
  if (bytes.length <= argumentsMax) return String.fromCharCode.apply(null, bytes as unknown as number[]);
  let name = "";
  for (let at = 0; at < bytes.length; at += argumentsMax) name += nameOf(bytes.subarray(at, at + argumentsMax));
  return name;
};

/** How many arguments one call takes: far below what any engine allows. Adding one character after the other takes three times as long. */
const argumentsMax = 1024;

/** Committed state in memory; restored from its changelog whenever a task opens. */
export class MemoryStore implements Store {
  // Point reads and writes go to the Map; the ordered tree is made when the first range is asked for, since many steps never ask.
  readonly #entries = new Map<string, Entry>();
  #tree: Ordered | undefined;
  #position: StorePosition | undefined;

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#entries.size === 0 ? undefined : this.#entries.get(nameOf(key))?.value;
  }

  *range(from: Uint8Array | undefined, to: Uint8Array | undefined): IterableIterator<readonly [Uint8Array, Uint8Array]> {
    if (this.#entries.size === 0) return;
    const end = to === undefined ? undefined : nameOf(to);
    for (const [name, entry] of this.#ordered().entries(from === undefined ? undefined : nameOf(from))) {
      if (end !== undefined && name >= end) return;
      yield [entry.key, entry.value];
    }
  }

  *rangeDescending(from: Uint8Array | undefined, to: Uint8Array | undefined): IterableIterator<readonly [Uint8Array, Uint8Array]> {
    if (this.#entries.size === 0) return;
    const start = from === undefined ? undefined : nameOf(from);
    for (const [name, entry] of this.#ordered().entriesReversed(to === undefined ? undefined : nameOf(to), undefined, true)) {
      if (start !== undefined && name < start) return;
      yield [entry.key, entry.value];
    }
  }

  write(batch: readonly StoreWrite[], position: StorePosition): void {
    for (const { key, value } of batch) {
      const name = nameOf(key);
      if (value === null) {
        this.#entries.delete(name);
        this.#tree?.delete(name);
      } else {
        const entry = { key, value };
        this.#entries.set(name, entry);
        this.#tree?.set(name, entry);
      }
    }
    this.#position = position;
  }

  get position(): StorePosition | undefined {
    return this.#position;
  }

  get approximateEntries(): number {
    return this.#entries.size;
  }

  wipe(): void {
    this.#entries.clear();
    this.#tree = undefined;
    this.#position = undefined;
  }

  async close(): Promise<void> {
    this.wipe();
  }

  #ordered(): Ordered {
    if (this.#tree === undefined) {
      this.#tree = new BTree<string, Entry>(undefined, (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0));
      for (const [name, entry] of this.#entries) this.#tree.set(name, entry);
    }
    return this.#tree;
  }
}

/** The default engine: nothing local outlives the process, everything comes back from the changelog. */
export const memoryStores: StoreEngine = { open: async () => new MemoryStore() };
