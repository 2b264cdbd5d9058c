import { boundedOutOfOrderness, millis, monotonic, noWatermarks, type WatermarkStrategy, watermarks } from "millrace";
import { type Element, type Job, lateElement } from "./shapes.ts";

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
export const timeJob = ({ strategy }: any): Job => {
  const { timestampField: field, idleness } = strategy;
  const time = {
    watermarks: strategyOf(strategy),
    ...(field === undefined ? {} : { timestamp: ({ value }: Element) => value[field] as number }),
    ...(idleness === undefined ? {} : { idleness: millis(idleness) }),
  };
  return { inputs: ["in1"], describe: ({ in1 }) => ({ out: in1!.withTime("time", time).map(lateElement) }), timed: ["out"] };
};
