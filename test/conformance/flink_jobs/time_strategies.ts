import { boundedOutOfOrderness, millis, monotonic, noWatermarks, type WatermarkStrategy, watermarks } from "millrace";
import { harness, input } from "millrace/testing";
import { type Element, lateElement, type Start } from "./shapes.ts";

const strategyOf = ({ type, bound }: any): WatermarkStrategy<Element> => {
  switch (type) {
    case "monotonous":
      return monotonic();
    case "boundedOutOfOrderness":
      return boundedOutOfOrderness(millis(bound));
    case "none":
      return noWatermarks();
    case "punctuated":
      return watermarks(() => ({ onRecord: ({ value }: Element, timestamp) => (value.type === "marker" ? timestamp : undefined) }));
  }
  throw new Error(`There is no watermark strategy '${type}'`);
};

/** `assignTimestampsAndWatermarks`. */
export const timeJob = ({ strategy }: any): Start => {
  const { timestampField: field, idleness } = strategy;
  const time = {
    watermarks: strategyOf(strategy),
    ...(field === undefined ? {} : { timestamp: ({ value }: Element) => value[field] as number }),
    ...(idleness === undefined ? {} : { idleness: millis(idleness) }),
  };
  return (options) => ({
    test: harness({ in1: input<Element>() }, ({ in1 }) => ({ out: in1.withTime("time", time).map(lateElement) }), options) as any,
    inputs: ["in1"],
    also: [],
    timed: ["out"],
  });
};
