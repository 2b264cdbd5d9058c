import { type Process, valueState } from "millrace";
import { harness, input } from "millrace/testing";
import { type CommandState, commandState, recordCommands, sideOutput, timerCommands } from "./commands.ts";
import type { Element, Shown, Start } from "./shapes.ts";

/** A function that does what its records say. */
export const processJob =
  (job: any): Start =>
  (options) => {
    const obeying: Process<Element, string, CommandState, typeof sideOutput, Shown, Shown> = {
      state: commandState(job),
      side: sideOutput,
      onRecord: ({ value }, ctx) => recordCommands(value.cmds, ctx),
      onTimer: (timer, ctx) => timerCommands(job.onTimer ?? [], timer, ctx),
    };
    const test = harness(
      { in1: input<Element>() },
      ({ in1 }) => {
        const out = in1.keyBy().process("process", obeying);
        return { out, side: out.side.side };
      },
      options,
    );
    return { test: test as any, inputs: ["in1"], also: ["side"], timed: ["side"] };
  };

/** The same over two inputs, which share state and timers. */
export const keyedCoProcessJob =
  (job: any): Start =>
  (options) => {
    const test = harness(
      { in1: input<Element>(), in2: input<Element>() },
      ({ in1, in2 }) => {
        const out = in1.keyBy().connect("process", in2.keyBy(), {
          state: commandState(job),
          side: sideOutput,
          onLeft: ({ value }, ctx) => recordCommands(value.cmds, ctx, "input1"),
          onRight: ({ value }, ctx) => recordCommands(value.cmds, ctx, "input2"),
          onTimer: (timer, ctx) => timerCommands(job.onTimer ?? [], timer, ctx),
        });
        return { out, side: out.side.side };
      },
      options,
    );
    return { test: test as any, inputs: ["in1", "in2"], also: ["side"], timed: ["side"] };
  };

export const coMapJob = (): Start => (options) => {
  const from =
    (side: 1 | 2) =>
    ({ key, value }: Element): readonly Shown[] => [{ value: { from: side, key, value } }];
  const test = harness(
    { in1: input<Element>(), in2: input<Element>() },
    ({ in1, in2 }) => ({ out: in1.single().connect("map", in2.single(), { onLeft: from(1), onRight: from(2) }) }),
    options,
  );
  return { test: test as any, inputs: ["in1", "in2"], also: [] };
};

export const coProcessJob = (): Start => (options) => {
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
  const test = harness(
    { in1: input<Element>(), in2: input<Element>() },
    ({ in1, in2 }) => ({ out: in1.single().connect("sums", in2.single(), { state, onLeft: add(1), onRight: add(2) }) }),
    options,
  );
  return { test: test as any, inputs: ["in1", "in2"], also: [] };
};
