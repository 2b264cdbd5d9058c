import type { MapTable } from "../state/map_table.ts";
import type { StepState, ValueCodec } from "../state/step_state.ts";
import { pairSubKey, type SubKey } from "../state/sub_key.ts";

/**
 * Entries of the current key (and namespace) by timestamp, those of one timestamp in the order of arrival. They have the numbers 0, 1, 2, ... without a gap, since they leave together; so neither adding nor taking looks at any other entry, and
 * nothing has to be counted.
 */
export class TimedEntries<T> {
  readonly #state: StepState;
  readonly #table: MapTable<readonly [timestamp: number, number: number], T>;

  constructor(state: StepState, column: string, codec: ValueCodec<T>, options: { readonly namespaced?: boolean } = {}) {
    this.#state = state;
    this.#table = state.map(column, timeAndNumber, codec, options);
  }

  /** Behind those that have the same timestamp. */
  add(timestamp: number, entry: T): void {
    this.#table.set([timestamp, this.#count(timestamp)], entry);
  }

  /** Gives and removes what has exactly that timestamp. */
  take(timestamp: number): readonly T[] {
    const taken: T[] = [];
    if (this.isEmpty()) return taken;
    for (;;) {
      const sub = [timestamp, taken.length] as const;
      const entry = this.#table.get(sub);
      if (entry === undefined) return taken;
      taken.push(entry);
      this.#table.delete(sub);
    }
  }

  /** All entries in the order of their timestamps. A snapshot. */
  entries(): readonly (readonly [at: readonly [timestamp: number, number: number], entry: T])[] {
    return this.#table.entries();
  }

  /** Calls the function for each timestamp that has committed entries, of all keys (and namespaces), which the state is set to. */
  forEachStored(fn: (timestamp: number) => void): void {
    for (const { key, namespace, sub } of this.#table.storedAddresses()) {
      const [timestamp, number] = sub;
      if (number > 0) continue;
      this.#state.setKey(key);
      this.#state.setNamespace(namespace);
      fn(timestamp);
    }
  }

  /** Asked before anything else, since it loads all that the key has: then the table knows of what is not there without going to the store each time. */
  isEmpty(): boolean {
    return this.#table.isEmpty();
  }

  /** How many have that timestamp: the first number that is free, found by doubling and halving. */
  #count(timestamp: number): number {
    if (this.isEmpty() || !this.#table.has([timestamp, 0])) return 0;
    let taken = 0;
    let free = 1;
    while (this.#table.has([timestamp, free])) {
      taken = free;
      free *= 2;
    }
    while (free - taken > 1) {
      const middle = (taken + free) >> 1;
      if (this.#table.has([timestamp, middle])) taken = middle;
      else free = middle;
    }
    return free;
  }
}

/** Mostly a timestamp stands alone, and then it is its own name: making a string of two numbers costs more than all the rest. */
const timeAndNumber: SubKey<readonly [number, number]> = {
  ...pairSubKey,
  mapKey: ([timestamp, number]) => (number === 0 ? timestamp : `${timestamp}:${number}`),
};
