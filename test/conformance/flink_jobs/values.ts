import { type Aggregator, average, collect, count, maxBy, minBy, reducing, sum } from "millrace";
import type { Element } from "./shapes.ts";

/** What functions see of a value: of an object its field `amount`. */
export const shown = (value: any): any => (typeof value === "object" && value !== null ? value.amount : value);

export const amount = ({ value }: Element): number => shown(value);

/** One result for many elements. */
export const aggregation = (fn: string): Aggregator<Element, any, unknown> => {
  switch (fn) {
    case "sum":
      return sum(amount);
    case "count":
      return count();
    case "avg":
      return average(amount);
    case "max":
    case "min": {
      const fold = fn === "max" ? Math.max : Math.min;
      const both = (a: number | undefined, b: number | undefined): number | undefined =>
        a === undefined ? b : b === undefined ? a : fold(a, b);
      return { init: () => undefined, add: (so, element) => both(so, amount(element)), merge: both };
    }
    case "list":
      return { ...collect<any>(), add: (values: readonly unknown[], { value }: Element) => [...values, shown(value)] };
    case "concat":
      return { ...aggregation("list"), result: (values: readonly unknown[]) => values.join("|") };
  }
  throw new Error(`There is no function '${fn}'`);
};

/** What becomes of two amounts. */
const reduction = (fn: string): ((a: any, b: any) => any) => {
  switch (fn) {
    case "sum":
      return (a, b) => a + b;
    case "max":
      return Math.max;
    case "min":
      return Math.min;
    case "concat":
      return (a, b) => `${a}|${b}`;
  }
  throw new Error(`There is no reduction '${fn}'`);
};

/** What becomes of two elements. The first one of all passes as it is. */
export const reduceElements = (fn: string): ((a: Element, b: Element) => Element) => {
  const both = reduction(fn);
  return (a, b) => ({ ...a, value: both(shown(a.value), shown(b.value)) });
};

/** Rolling aggregates by a field: sums and extremes keep the other fields of the first element, `minBy` and `maxBy` the whole element. */
export const rolling = (f: any): Aggregator<Element, any, Element> => {
  const { fn, field } = f;
  const ties = f.first === false ? "last" : "first";
  switch (fn) {
    case "minBy":
      return minBy(({ value }: Element) => value[field], ties);
    case "maxBy":
      return maxBy(({ value }: Element) => value[field], ties);
    case "reduce":
      return reducing(reduceElements(f.reduce));
  }
  const both = reduction(fn);
  return reducing((a: Element, b: Element) => ({ ...a, value: { ...a.value, [field]: both(a.value[field], b.value[field]) } }));
};

/** What becomes of all elements of a window. */
export const folded = (fn: string, elements: readonly Element[]): unknown => {
  const { init, add, result = (accumulator: unknown) => accumulator } = aggregation(fn);
  return result(elements.reduce((accumulator, element) => add(accumulator, element, element.key), init()));
};
