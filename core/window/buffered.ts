import type { OperatorContext } from "../operators/operator.ts";
import type { Serde } from "../serde/serde.ts";
import { valueCodec } from "../state/codecs.ts";
import type { MapTable } from "../state/map_table.ts";
import type { StepState } from "../state/step_state.ts";
import { numberSubKey } from "../state/sub_key.ts";
import type { PaneContents } from "./contents.ts";
import { type Held, heldCodec, heldValue, hold } from "./held.ts";

/** All records of a key and window in the order in which they came, each an entry of its own: one more record writes one entry, however many there are. */
export class Buffered implements PaneContents {
  readonly #elements: MapTable<number, Held<unknown>>;
  readonly #state: StepState;

  constructor(context: OperatorContext, serde: Serde<unknown> | undefined) {
    this.#state = context.state;
    this.#elements = context.state.map("w:elements", numberSubKey, heldCodec(valueCodec(serde)), { namespaced: true });
  }

  add(window: unknown, value: unknown): boolean {
    this.#state.setNamespace(window);
    const empty = this.#elements.isEmpty();
    this.#elements.append(hold(value));
    return empty;
  }

  evaluate(window: unknown, _actual: unknown, call: (input: unknown) => void): void {
    this.#state.setNamespace(window);
    const values = this.#elements.values();
    if (values.length > 0) call(values.map(heldValue));
  }

  merge(into: unknown, from: readonly unknown[]): void {
    for (const window of from) {
      this.#state.setNamespace(window);
      const values = this.#elements.values();
      this.#elements.clear();
      this.#state.setNamespace(into);
      for (const value of values) this.#elements.append(value);
    }
  }

  clear(window: unknown): void {
    this.#state.setNamespace(window);
    this.#elements.clear();
  }
}
