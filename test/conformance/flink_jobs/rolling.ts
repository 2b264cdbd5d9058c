import { harness, input } from "millrace/testing";
import { type Element, lateElement, type Start } from "./shapes.ts";
import { rolling } from "./values.ts";

export const rollingJob =
  (job: any): Start =>
  (options) => ({
    test: harness(
      { in1: input<Element>() },
      ({ in1 }) => ({ out: in1.keyBy().scan("rolling", rolling(job)).map(lateElement) }),
      options,
    ) as any,
    inputs: ["in1"],
    also: [],
  });
