import { noTimestamp } from "../record.ts";
import { valueCodec } from "../state/codecs.ts";
import type { ValueTable } from "../state/value_table.ts";
import type { TriggerPlace } from "./trigger.ts";

/** The next moment at which a pane fires at intervals: a timer, and the memory of it. */
export class NextFiring {
  readonly #place: TriggerPlace;
  readonly #every: number;
  readonly #at: ValueTable<number>;
  readonly #set: (timestamp: number) => void;
  readonly #delete: (timestamp: number) => void;

  constructor(place: TriggerPlace, every: number, set: (timestamp: number) => void, remove: (timestamp: number) => void) {
    this.#place = place;
    this.#every = every;
    this.#at = place.context.state.value<number>(`${place.column}:next`, valueCodec(), { namespaced: true });
    this.#set = set;
    this.#delete = remove;
  }

  /**
   * At the first multiple of the interval after this time, unless it is set already. Times before 1970 count as the multiple after them, as in Flink. What
   * has no time is at its beginning, where no multiple is first: the window's end is next, or what comes with a time.
   */
  begin(now: number): void {
    if (this.#at.get() !== undefined) return;
    if (now !== noTimestamp) this.after(Math.trunc(now / this.#every) * this.#every);
    else if (this.#place.maxTimestamp() !== Number.POSITIVE_INFINITY) this.after(this.#place.maxTimestamp());
  }

  /** One interval after this time, but not after the window. */
  after(timestamp: number): void {
    const at = Math.min(timestamp + this.#every, this.#place.maxTimestamp());
    this.#at.set(at);
    this.#set(at);
  }

  isAt(timestamp: number): boolean {
    return this.#at.get() === timestamp;
  }

  /** Windows that merge fire at the earliest of their moments. */
  merge(from: readonly unknown[]): void {
    const { state } = this.#place.context;
    const into = state.namespace;
    let earliest = this.#at.get();
    for (const window of from) {
      state.setNamespace(window);
      const at = this.#at.get();
      if (at !== undefined && !(earliest !== undefined && earliest <= at)) earliest = at;
      this.clear();
    }
    state.setNamespace(into);
    if (earliest === undefined) return;
    this.#at.set(earliest);
    this.#set(earliest);
  }

  clear(): void {
    const at = this.#at.get();
    if (at === undefined) return;
    this.#delete(at);
    this.#at.clear();
  }
}
