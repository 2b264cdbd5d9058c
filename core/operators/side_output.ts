import type { Serde } from "../serde/serde.ts";

declare const carries: unique symbol;

/** A second way out of a step, with a type of its own. */
export interface Output<out T> {
  readonly [carries]?: T;
  /** How its records are written where they leave the program's own types; undefined stands for self-describing. */
  readonly serde: Serde<any> | undefined;
}

/** Declares a side output of a process function: `side: { rejected: output<Order>() }`. */
export const output = <T>(serde?: Serde<T>): Output<T> => ({ serde });

/** The side outputs of a step, by name. */
export type SideSpec = { readonly [name: string]: Output<unknown> };

/** What a side output carries. */
export type Carried<O> = O extends Output<infer T> ? T : never;

/** The side outputs as a process function sees them: one function each. */
export type Sides<O extends SideSpec> = { readonly [P in keyof O]: (value: Carried<O[P]>) => void };
