import { harness, input } from "millrace/testing";
import { type Element, lateElement, type Start } from "./shapes.ts";

/** Many channels in front of one input. */
export const valveJob =
  ({ channels }: any): Start =>
  (options) => ({
    test: harness({ in1: input<Element>({ channels }) }, ({ in1 }) => ({ out: in1.map(lateElement) }), options) as any,
    inputs: ["in1"],
    channels: true,
    also: [],
  });
