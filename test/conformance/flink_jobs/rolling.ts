import { type Job, lateElement } from "./shapes.ts";
import { rolling } from "./values.ts";

export const rollingJob = (job: any): Job => ({
  inputs: ["in1"],
  describe: ({ in1 }) => ({ out: in1!.keyBy().scan("rolling", rolling(job)).map(lateElement) }),
});
