import type { Store, StoreEngine, StorePosition, StoreWrite } from "../ports/store.ts";
import { type SortedMap, sortedMap } from "./sorted_map.ts";
import { ValuePages } from "./value_pages.ts";

type Ordered = SortedMap<string, undefined>;

/** Keys are held as strings of one byte per character: engines compare and hash those fastest, and their order is the order of the bytes. */
const nameOf = (bytes: Uint8Array): string => {
  if (bytes.length <= argumentsMax) return String.fromCharCode.apply(null, bytes as unknown as number[]);
  let name = "";
  for (let at = 0; at < bytes.length; at += argumentsMax) name += nameOf(bytes.subarray(at, at + argumentsMax));
  return name;
};

/** How many arguments one call takes: far below what any engine allows. Adding one character after the other takes three times as long. */
const argumentsMax = 1024;

/** What a name takes beside its characters: a string, and its place in a Map. */
const nameOverheadBytes = 56;

const keyOf = (name: string): Uint8Array => {
  const key = new Uint8Array(name.length);
  for (let i = 0; i < name.length; i++) key[i] = name.charCodeAt(i);
  return key;
};

/** Committed state in memory; restored from its changelog whenever a task opens. */
export class MemoryStore implements Store {
  readonly #numbers = new Map<string, number>();
  readonly #values = new ValuePages();
  /** The names in their order, made when the first range is asked for, since many steps never ask. */
  #tree: Ordered | undefined;
  /**
   * Names that have come or gone since the last range, and whether the tree has them. What comes and goes in between, as most of what waits for its time does, never gets there.
   */
  readonly #behind = new Map<string, boolean>();
  #position: StorePosition | undefined;
  /** Characters of all names. */
  #nameBytes = 0;

  get(key: Uint8Array): Uint8Array | undefined {
    if (this.#numbers.size === 0) return undefined;
    const number = this.#numbers.get(nameOf(key));
    return number === undefined ? undefined : this.#values.get(number);
  }

  *range(from: Uint8Array | undefined, to: Uint8Array | undefined): IterableIterator<readonly [Uint8Array, Uint8Array]> {
    if (this.#numbers.size === 0) return;
    const end = to === undefined ? undefined : nameOf(to);
    for (const name of this.#ordered().keys(from === undefined ? undefined : nameOf(from))) {
      if (end !== undefined && name >= end) return;
      yield [keyOf(name), this.#values.get(this.#numbers.get(name)!)];
    }
  }

  *rangeDescending(from: Uint8Array | undefined, to: Uint8Array | undefined): IterableIterator<readonly [Uint8Array, Uint8Array]> {
    if (this.#numbers.size === 0) return;
    const start = from === undefined ? undefined : nameOf(from);
    for (const [name] of this.#ordered().entriesReversed(to === undefined ? undefined : nameOf(to), undefined, true)) {
      if (start !== undefined && name < start) return;
      yield [keyOf(name), this.#values.get(this.#numbers.get(name)!)];
    }
  }

  write(batch: readonly StoreWrite[], position: StorePosition): void {
    for (const { key, value } of batch) {
      const name = nameOf(key);
      const number = this.#numbers.get(name);
      if (value === null) {
        if (number !== undefined) this.#delete(name, number);
      } else if (number === undefined) this.#add(name, value);
      else this.#values.set(number, value);
    }
    this.#position = position;
  }

  get position(): StorePosition | undefined {
    return this.#position;
  }

  get approximateEntries(): number {
    return this.#numbers.size;
  }

  get memoryBytes(): number {
    return this.#values.bytes + this.#nameBytes + this.#numbers.size * nameOverheadBytes;
  }

  wipe(): void {
    this.#numbers.clear();
    this.#nameBytes = 0;
    this.#values.clear();
    this.#tree = undefined;
    this.#behind.clear();
    this.#position = undefined;
  }

  async close(): Promise<void> {
    this.wipe();
  }

  #add(name: string, value: Uint8Array): void {
    this.#numbers.set(name, this.#values.add(value));
    this.#nameBytes += name.length;
    if (this.#tree !== undefined && !this.#behind.delete(name)) this.#behind.set(name, false);
  }

  #delete(name: string, number: number): void {
    this.#numbers.delete(name);
    this.#nameBytes -= name.length;
    this.#values.delete(number);
    if (this.#tree !== undefined && !this.#behind.delete(name)) this.#behind.set(name, true);
  }

  #ordered(): Ordered {
    if (this.#tree === undefined) {
      this.#tree = sortedMap<string, undefined>((a, b) => (a < b ? -1 : a > b ? 1 : 0));
      for (const name of this.#numbers.keys()) this.#tree.set(name, undefined);
    }
    for (const [name, isThere] of this.#behind)
      if (isThere) this.#tree.delete(name);
      else this.#tree.set(name, undefined);
    this.#behind.clear();
    return this.#tree;
  }
}

/** The default engine: nothing local outlives the process, everything comes back from the changelog. */
export const memoryStores: StoreEngine = { open: async () => new MemoryStore() };
