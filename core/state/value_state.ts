import { type Cell, openCell } from "./cell.ts";
import type { StateOptions, StatePlace } from "./descriptors.ts";
import type { ValueState } from "./handles.ts";

export const openValue = <T>(place: StatePlace, options: StateOptions<T> & { readonly initial?: T }): ValueState<T> =>
  new CellValue(openCell(place, options), options.initial);

class CellValue<T> implements ValueState<T> {
  readonly #cell: Cell<T>;
  readonly #initial: T | undefined;

  constructor(cell: Cell<T>, initial: T | undefined) {
    this.#cell = cell;
    this.#initial = initial;
  }

  get(): T | undefined {
    const value = this.#cell.get();
    return value === undefined ? this.#initial : value;
  }

  set(value: T): void {
    this.#cell.set(value);
  }

  update(fn: (value: T | undefined) => T): T {
    const value = fn(this.get());
    this.#cell.set(value);
    return value;
  }

  clear(): void {
    this.#cell.clear();
  }
}
