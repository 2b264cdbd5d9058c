import { combinedSerde } from "../serde/combined_serde.ts";
import { sameValue } from "../serde/same_value.ts";
import type { Serde } from "../serde/serde.ts";
import type { SimpleKey } from "./descriptors.ts";

/**
 * How values become one. Accumulators are never changed in place: `add`, `merge` and `subtract` give a new one (or the same, when nothing changes),
 * so that a record can be taken back.
 */
export interface Aggregator<in V, A, out R, in K = unknown> {
  readonly init: () => A;
  readonly add: (acc: A, value: V, key: K) => A;
  /** The accumulator of both. Needed for session windows, whose parts come in no order of time. */
  readonly merge?: (a: A, b: A, key: K) => A;
  /** Takes back what `add` did with that value. Needed for tables. */
  readonly subtract?: (acc: A, value: V, key: K) => A;
  /** @default the accumulator itself */
  readonly result?: (acc: A) => R;
  /**
   * The order of the values makes no difference, and `merge` gives what adding them one by one would: then windows that overlap share accumulators, and a
   * record costs no more however many windows it belongs to.
   *
   * @default false
   */
  readonly anyOrder?: boolean;
  /** How accumulators are written. @default self-describing */
  readonly serde?: Serde<A>;
}

/** An aggregator that sessions and tables take. */
export interface FullAggregator<in V, A, out R> extends Aggregator<V, A, R> {
  readonly merge: (a: A, b: A) => A;
  readonly subtract: (acc: A, value: V) => A;
}

/** An aggregator that sessions take. */
export interface MergingAggregator<in V, A, out R> extends Aggregator<V, A, R> {
  readonly merge: (a: A, b: A) => A;
}

/** How many values there are, of those that fulfil the condition if one is given. */
export const count = <V>(where?: (value: V) => boolean): FullAggregator<V, number, number> => ({
  init: () => 0,
  add: where === undefined ? (n) => n + 1 : (n, value) => (where(value) ? n + 1 : n),
  merge: (a, b) => a + b,
  subtract: where === undefined ? (n) => n - 1 : (n, value) => (where(value) ? n - 1 : n),
  anyOrder: true,
});

/** The sum of a number of each value; 0 of none. Fractions are added in no certain order, so that the last digits may depend on how windows overlap. */
export const sum = <V>(of: (value: V) => number): FullAggregator<V, number, number> => ({
  init: () => 0,
  add: (total, value) => total + of(value),
  merge: (a, b) => a + b,
  subtract: (total, value) => total - of(value),
  anyOrder: true,
});

/** The arithmetic mean of a number of each value; NaN of none. */
export const average = <V>(of: (value: V) => number): FullAggregator<V, { readonly n: number; readonly sum: number }, number> => ({
  init: () => ({ n: 0, sum: 0 }),
  add: (acc, value) => ({ n: acc.n + 1, sum: acc.sum + of(value) }),
  merge: (a, b) => ({ n: a.n + b.n, sum: a.sum + b.sum }),
  subtract: (acc, value) => ({ n: acc.n - 1, sum: acc.sum - of(value) }),
  anyOrder: true,
  result: ({ n, sum: total }) => total / n,
});

/**
 * The value with the smallest key; among equal ones the first that came, or the last. NaN counts as larger than every number.
 * @param ties Defaults to "first".
 */
export const minBy = <V>(of: (value: V) => SimpleKey, ties: "first" | "last" = "first"): MergingAggregator<V, V | undefined, V> =>
  extreme((a, b) => order(of(a), of(b)), ties);

/** The value with the largest key; otherwise as `minBy`. */
export const maxBy = <V>(of: (value: V) => SimpleKey, ties: "first" | "last" = "first"): MergingAggregator<V, V | undefined, V> =>
  extreme((a, b) => order(of(b), of(a)), ties);

/**
 * All values, in the order in which they came. For many values choose `process`, which keeps each as an entry of its own: here the whole list is copied
 * for each value, and written at each commit.
 */
export const collect = <V>(): FullAggregator<V, readonly V[], readonly V[]> => ({
  init: () => [],
  add: (values, value) => [...values, value],
  merge: (a, b) => [...a, ...b],
  subtract: (values, value) => without(values, value),
});

/**
 * The n values with the largest numbers, largest first; among equal ones the first that came. As it can take values back it keeps them all: where
 * that is too much, and nothing is taken back, let a `process` or an aggregator of your own keep n.
 */
export const top = <V>(n: number, by: (value: V) => number): FullAggregator<V, readonly V[], readonly V[]> => {
  const add = (values: readonly V[], value: V): readonly V[] => {
    const key = by(value);
    let from = 0;
    let to = values.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (order(by(values[middle]!), key) >= 0) from = middle + 1;
      else to = middle;
    }
    return [...values.slice(0, from), value, ...values.slice(from)];
  };
  return {
    init: () => [],
    add,
    merge: (a, b) => b.reduce(add, a),
    subtract: (values, value) => without(values, value),
    result: (values) => values.slice(0, n),
  };
};

/** What the function makes of all values, two at a time, in the order in which they came; one value alone stays as it is. */
export const reducing = <V>(fn: (a: V, b: V) => V): MergingAggregator<V, V | undefined, V> => {
  const both = (a: V | undefined, b: V | undefined): V | undefined => (a === undefined ? b : b === undefined ? a : fn(a, b));
  return { init: () => undefined, add: both, merge: both, result: (acc) => acc as V };
};

/**
 * Several aggregators at once, each with its own field in the result.
 *
 * @example
 * ```ts
 * import { combine, count, sum } from "millrace";
 *
 * const statistics = combine({ n: count<{ amount: number }>(), total: sum((payment: { amount: number }) => payment.amount) });
 * ```
 */
export function combine<V, P extends Parts<V>>(parts: P): FullAggregator<V, unknown, Results<P>>;
export function combine<P extends Parts<any>>(parts: P): FullAggregator<ValueOf<P>, unknown, Results<P>>;
export function combine<P extends Parts<any>>(parts: P): FullAggregator<any, unknown, Results<P>> {
  type Fields = Readonly<Record<string, unknown>>;
  const names = Object.keys(parts);
  const each = (make: (part: FullAggregator<any, any, unknown>, name: string) => unknown): Fields => {
    const made: Record<string, unknown> = {};
    for (const name of names) made[name] = make(parts[name]!, name);
    return made;
  };
  const serde = combinedSerde(parts);
  return {
    init: () => each((part) => part.init()),
    add: (acc, value, key) => each((part, name) => part.add((acc as Fields)[name], value, key)),
    merge: (a, b) => each((part, name) => part.merge((a as Fields)[name], (b as Fields)[name])),
    subtract: (acc, value) => each((part, name) => part.subtract((acc as Fields)[name], value)),
    result: (acc) =>
      each((part, name) => {
        const own = (acc as Fields)[name];
        return part.result === undefined ? own : part.result(own);
      }) as Results<P>,
    anyOrder: names.every((name) => (parts[name] as Aggregator<any, any, unknown>).anyOrder === true),
    ...(serde === undefined ? {} : { serde }),
  };
}

type Parts<V> = { readonly [name: string]: FullAggregator<V, any, unknown> };
type Results<P> = { readonly [N in keyof P]: P[N] extends Aggregator<any, any, infer R> ? R : never };
/** What all the parts take. */
type ValueOf<P> = { [N in keyof P]: P[N] extends Aggregator<infer V, any, any> ? (value: V) => void : never }[keyof P] extends (
  value: infer V,
) => void
  ? V
  : never;

/** The result of an accumulator. */
export const resultOf = <A, R>(aggregator: Aggregator<any, A, R, any>, acc: A): R =>
  aggregator.result === undefined ? (acc as unknown as R) : aggregator.result(acc);

const extreme = <V>(compare: (a: V, b: V) => number, ties: "first" | "last"): MergingAggregator<V, V | undefined, V> => {
  const better = (a: V | undefined, b: V | undefined): V | undefined => {
    if (a === undefined) return b;
    if (b === undefined) return a;
    const difference = compare(a, b);
    return difference < 0 || (difference === 0 && ties === "first") ? a : b;
  };
  return { init: () => undefined, add: better, merge: better, result: (acc) => acc as V };
};

const order = (a: SimpleKey, b: SimpleKey): number => {
  if (a < b) return -1;
  if (a > b) return 1;
  if (a === b) return 0;
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
};

/** The first value that is equal is left out: stored values come back as copies, so identity would not find them. */
const without = <V>(values: readonly V[], value: V): readonly V[] => {
  const at = values.findIndex((each) => sameValue(each, value));
  return at < 0 ? values : [...values.slice(0, at), ...values.slice(at + 1)];
};
