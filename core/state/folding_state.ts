import type { Aggregator } from "./aggregator.ts";
import { type Cell, openCell } from "./cell.ts";
import type { StateOptions, StatePlace } from "./descriptors.ts";
import type { FoldState } from "./handles.ts";
import type { StepState } from "./step_state.ts";

export const openFold = <V, A, R>(place: StatePlace, aggregator: Aggregator<V, A, R>, options: StateOptions<A>): FoldState<V, R> => {
  const serde = options.serde ?? aggregator.serde;
  return new CellFold(openCell(place, serde === undefined ? options : { ...options, serde }), aggregator, place.context.state);
};

class CellFold<V, A, R> implements FoldState<V, R> {
  readonly #cell: Cell<A>;
  readonly #aggregator: Aggregator<V, A, R>;
  readonly #state: StepState;

  constructor(cell: Cell<A>, aggregator: Aggregator<V, A, R>, state: StepState) {
    this.#cell = cell;
    this.#aggregator = aggregator;
    this.#state = state;
  }

  add(value: V): void {
    const before = this.#cell.get();
    this.#cell.set(this.#aggregator.add(before === undefined ? this.#aggregator.init() : before, value, this.#state.key));
  }

  get(): R | undefined {
    const accumulator = this.#cell.get();
    if (accumulator === undefined) return undefined;
    return this.#aggregator.result === undefined ? (accumulator as unknown as R) : this.#aggregator.result(accumulator);
  }

  clear(): void {
    this.#cell.clear();
  }
}
