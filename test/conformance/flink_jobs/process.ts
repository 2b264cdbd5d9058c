import { type Process, valueState } from "millrace";
import { type CommandState, commandState, recordCommands, sideOutput, timerCommands } from "./commands.ts";
import type { Element, Job, Shown } from "./shapes.ts";

/** A function that does what its records say. */
export const processJob = (job: any): Job => {
  const obeying: Process<Element, string, CommandState, typeof sideOutput, Shown, Shown> = {
    state: commandState(job),
    side: sideOutput,
    onRecord: ({ value }, ctx) => recordCommands(value.cmds, ctx),
    onTimer: (timer, ctx) => timerCommands(job.onTimer ?? [], timer, ctx),
  };
  return {
    inputs: ["in1"],
    describe: ({ in1 }) => {
      const out = in1!.keyBy().process("process", obeying);
      return { out, side: out.side.side };
    },
    timed: ["side"],
  };
};

/** The same over two inputs, which share state and timers. */
export const keyedCoProcessJob = (job: any): Job => ({
  inputs: ["in1", "in2"],
  describe: ({ in1, in2 }) => {
    const out = in1!.keyBy().connect("process", in2!.keyBy(), {
      state: commandState(job),
      side: sideOutput,
      onLeft: ({ value }, ctx) => recordCommands(value.cmds, ctx, "input1"),
      onRight: ({ value }, ctx) => recordCommands(value.cmds, ctx, "input2"),
      onTimer: (timer, ctx) => timerCommands(job.onTimer ?? [], timer, ctx),
    });
    return { out, side: out.side.side };
  },
  timed: ["side"],
});

export const coMapJob = (): Job => {
  const from =
    (side: 1 | 2) =>
    ({ key, value }: Element): readonly Shown[] => [{ value: { from: side, key, value } }];
  return {
    inputs: ["in1", "in2"],
    describe: ({ in1, in2 }) => ({ out: in1!.single().connect("map", in2!.single(), { onLeft: from(1), onRight: from(2) }) }),
  };
};

export const coProcessJob = (): Job => {
  const state = { sum1: valueState({ initial: 0 }), sum2: valueState({ initial: 0 }) };
  const add =
    (from: 1 | 2) =>
    (
      { value }: Element,
      { state: sums }: { readonly state: Record<"sum1" | "sum2", { get(): number; set(sum: number): void }> },
    ): readonly Shown[] => {
      const sum = sums[`sum${from}`];
      sum.set(sum.get() + value);
      return [{ value: { from, sum1: sums.sum1.get(), sum2: sums.sum2.get() } }];
    };
  return {
    inputs: ["in1", "in2"],
    describe: ({ in1, in2 }) => ({ out: in1!.single().connect("sums", in2!.single(), { state, onLeft: add(1), onRight: add(2) }) }),
  };
};
