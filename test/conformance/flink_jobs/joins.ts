import { type Interval, millis } from "millrace";
import { harness, input } from "millrace/testing";
import { type Element, lateElement, type Start } from "./shapes.ts";
import { firingOf } from "./windows.ts";

const inputs = { in1: input<Element>(), in2: input<Element>() };

export const intervalJoinJob = (job: any): Start => {
  const { lower, upper, lowerExclusive, upperExclusive, sideOutputLate } = job;
  const exclusive = lowerExclusive && upperExclusive ? "both" : lowerExclusive ? "before" : upperExclusive ? "after" : undefined;
  const within: Interval = { before: millis(-lower), after: millis(upper), ...(exclusive === undefined ? {} : { exclusive }) };
  return (options) => {
    const test = harness(
      inputs,
      ({ in1, in2 }) => {
        const joined = in1.keyBy().join("join", in2.keyBy(), within, (left, right, { key }) => ({
          value: { key, left: left.value, right: right.value, leftTimestamp: left.timestamp, rightTimestamp: right.timestamp },
        }));
        const late = { late: joined.side.lateLeft.map(lateElement), lateRight: joined.side.lateRight.map(lateElement) };
        return sideOutputLate ? { out: joined, ...late } : { out: joined };
      },
      options,
    );
    return { test: test as any, inputs: Object.keys(inputs), also: sideOutputLate ? ["late", "lateRight"] : [] };
  };
};

export const windowJoinJob =
  (job: any): Start =>
  (options) => {
    const test = harness(
      inputs,
      ({ in1, in2 }) => ({
        out: in1.keyBy().join("join", in2.keyBy(), firingOf(job), (left, right, { key }) => ({
          value: { key, left: left.value, right: right.value },
        })),
      }),
      options,
    );
    return { test: test as any, inputs: Object.keys(inputs), also: [] };
  };

export const coGroupJob =
  (job: any): Start =>
  (options) => {
    const values = (elements: readonly Element[]) => elements.map(({ value }) => value);
    const test = harness(
      inputs,
      ({ in1, in2 }) => ({
        out: in1
          .keyBy()
          .coGroup("group", in2.keyBy(), firingOf(job), (left, right, { key }) => [
            { value: { key, left: values(left), right: values(right) } },
          ]),
      }),
      options,
    );
    return { test: test as any, inputs: Object.keys(inputs), also: [] };
  };
