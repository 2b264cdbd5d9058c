import type { RecordMeta } from "../record.ts";
import type { MapTable } from "../state/map_table.ts";
import type { StepState, ValueCodec } from "../state/step_state.ts";
import { pairSubKey, type SubKey } from "../state/sub_key.ts";
import { type HeldRecord, held, heldRecordCodec } from "./held_record.ts";

/**
 * Records that wait for their timestamp, per key: found by it, in the order of arrival. Those of one key and timestamp have the numbers 0, 1, 2, ... without a gap, since they leave together; so neither adding nor taking looks at any
 * other record, and nothing has to be counted.
 */
export class Waiting<V> {
  readonly #table: MapTable<readonly [timestamp: number, number: number], HeldRecord<V>>;

  constructor(state: StepState, column: string, codec: ValueCodec<V>) {
    this.#table = state.map(column, timeAndNumber, heldRecordCodec(codec));
  }

  /** For the current key, behind those that wait for the same timestamp. */
  add(value: V, record: RecordMeta): void {
    this.#table.set([record.timestamp, this.#count(record.timestamp)], held(value, record));
  }

  /** Gives and removes what waits for exactly that timestamp. */
  take(timestamp: number): readonly HeldRecord<V>[] {
    const taken: HeldRecord<V>[] = [];
    if (this.#isEmpty()) return taken;
    for (;;) {
      const sub = [timestamp, taken.length] as const;
      const record = this.#table.get(sub);
      if (record === undefined) return taken;
      taken.push(record);
      this.#table.delete(sub);
    }
  }

  /** Asked before anything else, since it loads all that the key has: then the table knows of what is not there without going to the store each time. */
  #isEmpty(): boolean {
    return this.#table.isEmpty();
  }

  /** How many wait for that timestamp: the first number that is free, found by doubling and halving. */
  #count(timestamp: number): number {
    if (this.#isEmpty() || !this.#table.has([timestamp, 0])) return 0;
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
