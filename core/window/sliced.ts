import type { OperatorContext } from "../operators/operator.ts";
import type { Serde } from "../serde/serde.ts";
import { valueCodec } from "../state/codecs.ts";
import type { MapTable } from "../state/map_table.ts";
import type { StepState } from "../state/step_state.ts";
import { numberSubKey } from "../state/sub_key.ts";
import type { ValueTable } from "../state/value_table.ts";
import type { PaneContents } from "./contents.ts";
import { type Held, heldCodec, heldValue, hold } from "./held.ts";

/**
 * All records of overlapping windows, each kept once. Time is cut into slices as long as the step between two windows; a window is made of whole
 * slices, and the slice that begins with a window is in no later one, so it goes when that window goes. Where windows are six times as long as their
 * step, this writes and deletes a sixth of what an entry per window would.
 *
 * It asks for three things: windows are whole numbers of steps long, a record's windows come newest first, and nothing but the end of a window empties it.
 */
export class Sliced implements PaneContents {
  readonly #state: StepState;
  readonly #size: number;
  readonly #every: number;
  /** By slice, which is known by its start; then by the number of the record among those of the key. */
  readonly #elements: MapTable<number, Held<unknown>>;
  /** Per key. */
  readonly #tally: ValueTable<Tally>;
  /**
   * Per window that has begun again: the number of the first record that is in it. Event time may begin anew behind windows that are gone, and a clock may stand still where one has ended; what such a window held before is not in it any more, although
   * other windows still have it.
   */
  readonly #again: ValueTable<number>;
  /** The slice of the record at hand had no records before. */
  #opened = false;
  /** The record at hand. */
  #number = 0;
  /** Of the key of the record at hand: windows that begin no later are gone. */
  #gone = Number.NEGATIVE_INFINITY;

  constructor(
    context: OperatorContext,
    serde: Serde<unknown> | undefined,
    { size, every }: { readonly size: number; readonly every: number },
  ) {
    this.#state = context.state;
    this.#size = size;
    this.#every = every;
    this.#elements = context.state.map("w:slices", numberSubKey, heldCodec(valueCodec(serde)), { namespaced: true });
    this.#tally = context.state.value("w:tally", valueCodec<Tally>());
    this.#again = context.state.value("w:again", valueCodec<number>(), { namespaced: true });
  }

  /**
   * True also for a window that has records in other slices: when a slice gets its first record, it is the first one of some window, and the others
   * need not be told apart from that. When it is not its first, all windows of the slice that there still are have been told of that one.
   */
  add(window: unknown, value: unknown, _timestamp: number, newest: boolean): boolean {
    if (newest) this.#keep(window, value);
    return this.#beginsAgain(window) || this.#opened;
  }

  evaluate(window: unknown, _actual: unknown, call: (input: unknown) => void): void {
    const start = window as number;
    this.#state.setNamespace(start);
    const from = this.#again.get() ?? 0;
    let elements: readonly (readonly [number, Held<unknown>])[] = [];
    for (let slice = start; slice < start + this.#size; slice += this.#every) {
      this.#state.setNamespace(slice);
      const more = this.#elements.entries();
      elements = elements.length === 0 ? more : elements.concat(more);
    }
    if (from > 0) elements = elements.filter(([number]) => number >= from);
    if (elements.length === 0) return;
    call([...elements].sort((a, b) => a[0] - b[0]).map((element) => heldValue(element[1])));
  }

  #keep(window: unknown, value: unknown): void {
    this.#state.setNamespace(window);
    this.#opened = this.#elements.isEmpty();
    const [next, live, gone] = this.#tally.get() ?? nothing;
    this.#number = next;
    this.#gone = gone;
    this.#tally.set([next + 1, live + 1, gone]);
    this.#elements.set(next, hold(value));
  }

  /** True when the record is the first one of a window that was gone. */
  #beginsAgain(window: unknown): boolean {
    if ((window as number) > this.#gone) return false;
    this.#state.setNamespace(window);
    if (this.#again.get() !== undefined) return false;
    this.#again.set(this.#number);
    return true;
  }

  tooLate(window: unknown): void {
    const [next, live, gone] = this.#tally.get() ?? nothing;
    if ((window as number) > gone) this.#tally.set([next, live, window as number]);
  }

  clear(window: unknown): void {
    this.#state.setNamespace(window);
    this.#again.clear();
    const going = this.#elements.size;
    this.#elements.clear();
    const [next, live, gone] = this.#tally.get() ?? nothing;
    const left = live - going;
    if (left === 0) this.#tally.clear();
    else this.#tally.set([next, left, Math.max(gone, window as number)]);
  }
}

/**
 * The number of the key's next record, so that a window can be put together in the order in which its records came; and how many records there are, so
 * that nothing stays behind the last of them;
 * and where the last window began that is gone.
 */
type Tally = readonly [next: number, live: number, gone: number];

const nothing: Tally = [0, 0, Number.NEGATIVE_INFINITY];
