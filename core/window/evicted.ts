import type { OperatorContext } from "../operators/operator.ts";
import type { Serde } from "../serde/serde.ts";
import { valueCodec, writeWith, writing } from "../state/codecs.ts";
import type { MapTable } from "../state/map_table.ts";
import type { StepState, ValueCodec } from "../state/step_state.ts";
import { numberSubKey, putSortable, readSortable } from "../state/sub_key.ts";
import type { PaneContents } from "./contents.ts";
import type { Eviction, Evictor } from "./evictor.ts";
import type { Window } from "./window.ts";

/** All records of a key and window with their timestamps, each an entry of its own; whenever the window is evaluated, an evictor takes some out. */
export class Evicted implements PaneContents {
  readonly #elements: MapTable<number, Element>;
  readonly #state: StepState;
  readonly #options: EvictedOptions;

  constructor({ state }: OperatorContext, options: EvictedOptions) {
    this.#state = state;
    this.#options = options;
    this.#elements = state.map("w:elements", numberSubKey, elementCodec(valueCodec(options.serde)), { namespaced: true });
  }

  add(window: unknown, value: unknown, timestamp: number): boolean {
    this.#state.setNamespace(window);
    const empty = this.#elements.isEmpty();
    this.#elements.append({ value, timestamp });
    return empty;
  }

  evaluate(window: unknown, actual: unknown, call: (input: unknown) => void): void {
    const { evictor, windowOf, input } = this.#options;
    this.#state.setNamespace(window);
    if (this.#elements.isEmpty()) return;
    const staying = this.#evict(this.#elements.entries(), evictor.before, windowOf(actual));
    const made = input(staying.map(([, { value }]) => value));
    // What cannot be made of nothing at all says nothing.
    if (staying.length > 0 || made !== undefined) call(made);
    this.#state.setNamespace(window);
    this.#evict(staying, evictor.after, windowOf(actual));
  }

  merge(into: unknown, from: readonly unknown[]): void {
    for (const window of from) {
      this.#state.setNamespace(window);
      const elements = this.#elements.values();
      this.#elements.clear();
      this.#state.setNamespace(into);
      for (const element of elements) this.#elements.append(element);
    }
  }

  clear(window: unknown): void {
    this.#state.setNamespace(window);
    this.#elements.clear();
  }

  /** Removes what leaves from the state, and gives what stays. */
  #evict(entries: Entries, eviction: Eviction<unknown, Window> | undefined, window: Window): Entries {
    if (eviction === undefined || entries.length === 0) return entries;
    const leaving = new Set(
      eviction(
        entries.map(([, { value }]) => value),
        entries.map(([, { timestamp }]) => timestamp),
        window,
      ),
    );
    for (const place of leaving) this.#elements.delete(entries[place]![0]);
    return entries.filter((_entry, place) => !leaving.has(place));
  }
}

export interface EvictedOptions {
  readonly evictor: Evictor<unknown>;
  /** How values are written. */
  readonly serde: Serde<unknown> | undefined;
  readonly windowOf: (known: unknown) => Window;
  /** Makes of the values that stay what the window function works on; undefined where there are none and that makes nothing. */
  readonly input: (values: readonly unknown[]) => unknown;
}

interface Element {
  readonly value: unknown;
  readonly timestamp: number;
}

type Entries = readonly (readonly [sequence: number, element: Element])[];

/** Eight bytes of timestamp, then the value. */
const elementCodec = (values: ValueCodec<unknown>): ValueCodec<Element> =>
  writing(
    (to, { value, timestamp }) => {
      putSortable(to, timestamp);
      writeWith(values, to, value);
    },
    (bytes) => ({ timestamp: readSortable(bytes, 0), value: values.decode(bytes.subarray(8)) }),
  );
