import { writeWith, writing } from "./codecs.ts";
import type { MapTable } from "./map_table.ts";
import type { StepState, ValueCodec } from "./step_state.ts";
import { type Place, placeSubKey } from "./sub_key.ts";

/** A value that waits. The first one of a timestamp knows how many wait there. */
interface Arrival<out T> {
  readonly value: T;
  readonly count: number;
}

/**
 * Values that wait for a timestamp, per key, each at its place in the order in which they came. Adding and taking look at no other timestamp, and nothing has to be walked.
 *
 * Who lets values wait sets a timer for each of their timestamps, and the timer takes them all: so a timer that is new says that nothing waits there yet, which spares a look into the store.
 */
export class Arrivals<T> {
  readonly #table: MapTable<Place, Arrival<T>>;

  constructor(state: StepState, column: string, codec: ValueCodec<T>) {
    this.#table = state.map(column, placeSubKey, arrivalCodec(codec));
  }

  /**
   * For the current key, behind those that wait for the same timestamp.
   * @param isFirst known from the timer: none waits there. False when that is not known.
   */
  add(timestamp: number, value: T, isFirst: boolean): void {
    const table = this.#table;
    const place: Place = [timestamp, 0];
    const first = isFirst ? undefined : table.get(place);
    if (first === undefined) table.insert(place, { value, count: 1 });
    else {
      table.insert([timestamp, first.count], { value, count: 1 });
      table.set(place, { value: first.value, count: first.count + 1 });
    }
  }

  /** Gives and removes what waits for exactly that timestamp. */
  take(timestamp: number): T[] {
    const table = this.#table;
    const place: Place = [timestamp, 0];
    const first = table.get(place);
    if (first === undefined) return [];
    table.delete(place);
    const values = [first.value];
    for (let at = 1; at < first.count; at++) {
      const next: Place = [timestamp, at];
      values.push(table.get(next)!.value);
      table.delete(next);
    }
    return values;
  }

  has(timestamp: number): boolean {
    return this.#table.has([timestamp, 0]);
  }

  isEmpty(): boolean {
    return this.#table.isEmpty();
  }

  /** The first timestamp that something waits for; undefined when nothing does. */
  earliest(): number | undefined {
    return this.isEmpty() ? undefined : this.#table.entries()[0]![0][0];
  }
}

const arrivalCodec = <T>(values: ValueCodec<T>): ValueCodec<Arrival<T>> =>
  writing(
    (to, { value, count }) => {
      let rest = count;
      for (; rest > 127; rest >>>= 7) to.byte((rest & 127) | 128);
      to.byte(rest);
      writeWith(values, to, value);
    },
    (bytes) => {
      let count = 0;
      let at = 0;
      for (let byte = 128; byte > 127; at++) {
        byte = bytes[at]!;
        count |= (byte & 127) << (7 * at);
      }
      return { count, value: values.decode(bytes.subarray(at)) };
    },
  );
