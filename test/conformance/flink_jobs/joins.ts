import { type Interval, millis } from "millrace";
import { type Element, type Job, lateElement } from "./shapes.ts";
import { firingOf } from "./windows.ts";

const inputs = ["in1", "in2"];

export const intervalJoinJob = (job: any): Job => {
  const { lower, upper, lowerExclusive, upperExclusive, sideOutputLate } = job;
  const exclusive = lowerExclusive && upperExclusive ? "both" : lowerExclusive ? "before" : upperExclusive ? "after" : undefined;
  const within: Interval = { before: millis(-lower), after: millis(upper), ...(exclusive === undefined ? {} : { exclusive }) };
  return {
    inputs,
    describe: ({ in1, in2 }) => {
      const joined = in1!.keyBy().join("join", in2!.keyBy(), within, (left, right, { key }) => ({
        value: { key, left: left.value, right: right.value, leftTimestamp: left.timestamp, rightTimestamp: right.timestamp },
      }));
      const late = { late: joined.side.lateLeft.map(lateElement), lateRight: joined.side.lateRight.map(lateElement) };
      return sideOutputLate ? { out: joined, ...late } : { out: joined };
    },
  };
};

export const windowJoinJob = (job: any): Job => ({
  inputs,
  describe: ({ in1, in2 }) => ({
    out: in1!.keyBy().join("join", in2!.keyBy(), firingOf(job), (left, right, { key }) => ({
      value: { key, left: left.value, right: right.value },
    })),
  }),
});

export const coGroupJob = (job: any): Job => {
  const values = (elements: readonly Element[]) => elements.map(({ value }) => value);
  return {
    inputs,
    describe: ({ in1, in2 }) => ({
      out: in1!
        .keyBy()
        .coGroup("group", in2!.keyBy(), firingOf(job), (left, right, { key }) => [
          { value: { key, left: values(left), right: values(right) } },
        ]),
    }),
  };
};
