import type { OperatorContext } from "../operators/operator.ts";
import { type Aggregator, resultOf } from "../state/aggregator.ts";
import { valueCodec } from "../state/codecs.ts";
import type { MapTable } from "../state/map_table.ts";
import type { StepState } from "../state/step_state.ts";
import type { SubKey } from "../state/sub_key.ts";
import type { PaneContents } from "./contents.ts";
import { type Held, heldCodec, heldValue, hold } from "./held.ts";

/** One accumulator per key and window, each an entry of its own. */
export class Accumulated<A> implements PaneContents {
  readonly #aggregator: Aggregator<unknown, A, unknown>;
  readonly #panes: MapTable<unknown, Held<A>>;
  readonly #state: StepState;

  constructor(context: OperatorContext, windows: SubKey<unknown>, aggregator: Aggregator<unknown, A, unknown>) {
    this.#aggregator = aggregator;
    this.#state = context.state;
    this.#panes = context.state.map("w:panes", windows, heldCodec(valueCodec(aggregator.serde)));
  }

  add(window: unknown, value: unknown): boolean {
    const before = this.#panes.get(window);
    const accumulator = before === undefined ? this.#aggregator.init() : heldValue<A>(before);
    this.#panes.set(window, hold(this.#aggregator.add(accumulator, value, this.#state.key)));
    return before === undefined;
  }

  evaluate(window: unknown, _actual: unknown, call: (input: unknown) => void): void {
    const accumulator = this.#panes.get(window);
    if (accumulator !== undefined) call(resultOf(this.#aggregator, heldValue<A>(accumulator)));
  }

  merge(into: unknown, from: readonly unknown[]): void {
    let merged: Held<A> | undefined;
    for (const window of from) {
      merged = this.#both(merged, this.#panes.get(window));
      this.#panes.delete(window);
    }
    if (merged !== undefined) this.#panes.set(into, this.#both(this.#panes.get(into), merged)!);
  }

  clear(window: unknown): void {
    this.#panes.delete(window);
  }

  #both(a: Held<A> | undefined, b: Held<A> | undefined): Held<A> | undefined {
    if (a === undefined) return b;
    if (b === undefined) return a;
    return hold(this.#aggregator.merge!(heldValue<A>(a), heldValue<A>(b), this.#state.key));
  }
}
