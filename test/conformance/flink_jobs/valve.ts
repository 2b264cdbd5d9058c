import { type Job, lateElement } from "./shapes.ts";

/** Many channels in front of one input. */
export const valveJob = ({ channels }: any): Job => ({
  inputs: ["in1"],
  channels,
  describe: ({ in1 }) => ({ out: in1!.map(lateElement) }),
});
