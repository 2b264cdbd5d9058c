import { StepError } from "../errors.ts";
import type { Window } from "./window.ts";

/**
 * Takes records out of a window before it is evaluated, or after; what is taken out is gone for later firings, too. A window with an evictor keeps
 * every record, also where an aggregate would do. Made by
 * `keepLast`, `keepRecent`, `keepNear` and `evictor`.
 */
export interface Evictor<in V, in W extends Window = Window> {
  /** With its parameters, for descriptions. */
  readonly name: string;
  readonly before?: Eviction<V, W>;
  readonly after?: Eviction<V, W>;
}

/** Gives, in ascending order, the places of the records that leave. */
export type Eviction<in V, in W extends Window> = (values: readonly V[], timestamps: readonly number[], window: W) => readonly number[];

/** When an evictor works. */
export interface EvictionTime {
  /** After the window was evaluated instead of before. @default false */
  readonly after?: boolean;
}

/** The evictor of an eviction that works at the given time. */
export const evicting = <V, W extends Window>(name: string, eviction: Eviction<V, W>, { after = false }: EvictionTime): Evictor<V, W> =>
  after ? { name: `${name}, after`, after: eviction } : { name, before: eviction };

/** The places of those for which the function is true. */
export const placesWhere = (length: number, leaves: (place: number) => boolean): readonly number[] => {
  const places: number[] = [];
  for (let place = 0; place < length; place++) if (leaves(place)) places.push(place);
  return places;
};

/**
 * An evictor of one's own: both functions give those of the values that stay, in their order.
 *
 * @example
 * ```ts
 * import { evictor } from "millrace";
 *
 * const withoutTests = evictor<{ test: boolean }>({ before: (values) => values.filter(({ test }) => !test) });
 * ```
 */
export const evictor = <V, W extends Window = Window>(spec: {
  before?(values: readonly V[], window: W): Iterable<V>;
  after?(values: readonly V[], window: W): Iterable<V>;
}): Evictor<V, W> => ({
  name: "custom",
  ...(spec.before === undefined ? {} : { before: (values, _timestamps, window) => leaving(values, spec.before!(values, window)) }),
  ...(spec.after === undefined ? {} : { after: (values, _timestamps, window) => leaving(values, spec.after!(values, window)) }),
});

const leaving = <V>(values: readonly V[], staying: Iterable<V>): readonly number[] => {
  const places: number[] = [];
  let place = 0;
  for (const value of staying) {
    while (place < values.length && !Object.is(values[place], value)) places.push(place++);
    if (place === values.length)
      throw new StepError(
        "The evictor keeps a value that is not in the window, or not in that place: give some of the values it was called with, in their order",
      );
    place++;
  }
  while (place < values.length) places.push(place++);
  return places;
};
