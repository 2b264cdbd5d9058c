import { taskKey } from "./address.ts";
import type { StepState } from "./step_state.ts";
import { numberSubKey } from "./sub_key.ts";
import type { ValueTable } from "./value_table.ts";

/** A number of a whole task. It may change with every record, and is written once per commit. Got by `StepState.number`, so that all who look at one see the same. */
export class TaskNumber {
  readonly #state: StepState;
  readonly #table: ValueTable<number>;
  readonly #initial: number;
  #value: number | undefined;
  #written: number;

  constructor(state: StepState, name: string, initial: number) {
    const column = `task:${name}`;
    this.#state = state;
    this.#table = state.value(column, numberSubKey);
    this.#initial = initial;
    this.#written = initial;
    state.onCleanUp(column, () => {
      const { value } = this;
      if (value === this.#written) return;
      this.#written = value;
      this.#ofTask(() => this.#table.set(value));
    });
  }

  get value(): number {
    return (this.#value ??= this.#written = this.#ofTask(() => this.#table.get() ?? this.#initial));
  }

  set(value: number): void {
    const before = this.value;
    this.#state.journal?.push(() => {
      this.#value = before;
    });
    this.#value = value;
  }

  /** Forgets what is not in the store. */
  reset(): void {
    this.#value = undefined;
  }

  #ofTask<T>(run: () => T): T {
    const { key, mapKey } = this.#state;
    this.#state.key = taskKey;
    this.#state.mapKey = null;
    const result = run();
    this.#state.key = key;
    this.#state.mapKey = mapKey;
    return result;
  }
}
