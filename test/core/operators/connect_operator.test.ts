import { describe, expect, it } from "@jest/globals";
import { connectOperator } from "../../../core/operators/connect_operator.ts";
import type { Connect } from "../../../core/operators/process_function.ts";
import { valueState } from "../../../core/state/descriptors.ts";
import { type CommandState, commandProcess, commandState, recordCommands, timerCommands } from "./commands.ts";
import { play } from "./scenario.ts";
import { type Command, type FlinkVector, grouped, vector } from "./vectors.ts";

type Commands = { readonly cmds: readonly Command[] };

const both = (job: FlinkVector["job"]): Connect<Commands, Commands, string, CommandState, any, unknown, unknown, unknown> => ({
  state: commandState(job),
  side: commandProcess(job).side!,
  onLeft: ({ cmds }, ctx) => recordCommands(cmds, ctx, "input1"),
  onRight: ({ cmds }, ctx) => recordCommands(cmds, ctx, "input2"),
  onTimer: (timer, ctx) => timerCommands(job.onTimer ?? [], timer, ctx),
});

describe("connect operator", () => {
  for (const name of ["connect-keyed-coprocess-v1", "connect-keyed-random-v1", "connect-idle-v1"])
    for (const restarting of [false, true])
      it(`does what Flink does in ${name}${restarting ? ", starting anew after every step" : ""}`, async () => {
        const scenario = await vector<FlinkVector>(name);
        const { out } = play(connectOperator(both(scenario.job)), scenario, { ports: 2, restarting });
        expect(grouped(scenario.ordering, out)).toEqual(
          grouped(
            scenario.ordering,
            scenario.expected.out.map(({ step, timestamp, value }) => ({ step, timestamp, value })),
          ),
        );
      });

  it("does what Flink does in connect-comap-v1: two functions without state", async () => {
    const scenario = await vector<FlinkVector>("connect-comap-v1");
    const from =
      (side: number) =>
      (value: unknown, { key }: { readonly key: string }) => [{ from: side, key, value }];
    const { out } = play(connectOperator({ onLeft: from(1), onRight: from(2) }), scenario, { ports: 2 });
    expect(out).toEqual(scenario.expected.out.map(({ step, timestamp, value }) => ({ step, timestamp, value })));
  });

  it("does what Flink does in connect-coprocess-v1: everything under one key", async () => {
    const scenario = await vector<FlinkVector>("connect-coprocess-v1");
    const add =
      (from: 1 | 2) =>
      (value: number, { state }: any) => {
        state[`sum${from}`].update((sum: number) => sum + value);
        return [{ from, sum1: state.sum1.get(), sum2: state.sum2.get() }];
      };
    const spec = { state: { sum1: valueState({ initial: 0 }), sum2: valueState({ initial: 0 }) }, onLeft: add(1), onRight: add(2) };
    const { out } = play(connectOperator(spec, { nullKey: true }), scenario, { ports: 2, restarting: true, keyOf: () => null });
    expect(out).toEqual(scenario.expected.out.map(({ step, timestamp, value }) => ({ step, timestamp, value })));
  });
});
