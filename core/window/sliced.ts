import type { OperatorContext } from "../operators/operator.ts";
import type { Serde } from "../serde/serde.ts";
import { valueCodec } from "../state/codecs.ts";
import type { MapTable } from "../state/map_table.ts";
import type { StepState } from "../state/step_state.ts";
import { numberSubKey } from "../state/sub_key.ts";
import type { ValueTable } from "../state/value_table.ts";
import type { Contents } from "./contents.ts";
import { type Held, heldCodec, heldValue, hold } from "./held.ts";

/**
 * All records of overlapping windows, each kept once. Time is cut into slices as long as the step between two windows; a window is made of whole
 * slices, and the slice that begins with a window is in no later one, so it goes when that window goes. Where windows are six times as long as their
 * step, this writes and deletes a sixth of what an entry per window would.
 *
 * It asks for three things: windows are whole numbers of steps long, a record's windows come newest first, and nothing but the end of a window empties it.
 */
export class Sliced implements Contents {
  readonly #state: StepState;
  readonly #size: number;
  readonly #every: number;
  /** By slice, which is known by its start; then by the number of the record among those of the key. */
  readonly #elements: MapTable<number, Held<unknown>>;
  /** Per key. */
  readonly #tally: ValueTable<Tally>;
  /** The slice of the record at hand had no records before. */
  #opened = false;

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
  }

  /**
   * True also for a window that has records in other slices: when a slice gets its first record, it is the first one of some window, and the others
   * need not be told apart from that. When it is not its first, all windows of the slice that there still are have been told of that one.
   */
  add(window: unknown, value: unknown, _timestamp: number, newest: boolean): boolean {
    if (!newest) return this.#opened;
    this.#state.setNamespace(window);
    this.#opened = this.#elements.isEmpty();
    const [next, live] = this.#tally.get() ?? [0, 0];
    this.#tally.set([next + 1, live + 1]);
    this.#elements.set(next, hold(value));
    return this.#opened;
  }

  evaluate(window: unknown, _actual: unknown, call: (input: unknown) => void): void {
    const start = window as number;
    let elements: readonly (readonly [number, Held<unknown>])[] = [];
    for (let slice = start; slice < start + this.#size; slice += this.#every) {
      this.#state.setNamespace(slice);
      const more = this.#elements.entries();
      elements = elements.length === 0 ? more : elements.concat(more);
    }
    if (elements.length === 0) return;
    call([...elements].sort((a, b) => a[0] - b[0]).map((element) => heldValue(element[1])));
  }

  merge(): void {
    throw new Error("Windows that merge are not cut into slices");
  }

  clear(window: unknown): void {
    this.#state.setNamespace(window);
    const going = this.#elements.size;
    if (going === 0) return;
    this.#elements.clear();
    const [next, live] = this.#tally.get()!;
    this.#tally.set(live === going ? undefined : [next, live - going]);
  }
}

/**
 * The number of the key's next record, so that a window can be put together in the order in which its records came; and how many records there are, so
 * that nothing stays behind the last of them.
 */
type Tally = readonly [next: number, live: number];
