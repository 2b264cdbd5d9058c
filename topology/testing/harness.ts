import type { Duration } from "../../core/duration.ts";
import { TopologyError } from "../../core/errors.ts";
import type { DraftHeaders } from "../../core/record.ts";
import { frozenPlan } from "../../core/runtime/frozen_plan.ts";
import { typedKey } from "../../core/serde/canonical_key.ts";
import { selfDescribing } from "../../core/serde/self_describing.ts";
import { stepNode } from "../graph/step_node.ts";
import type { AnyStream, Stream } from "../stream.ts";
import { StreamHandle } from "../stream_handle.ts";
import { topic } from "../topic.ts";
import { topology } from "../topology.ts";
import { fuse } from "./fuse.ts";
import type { Input, InputValue } from "./input.ts";
import { OutputTap } from "./output_tap.ts";
import { StepRun } from "./step_run.ts";
import type { TestEvent, TestRecord } from "./test_record.ts";

/** With what a harness begins. */
export interface HarnessOptions {
  /** State to begin with: what `snapshot` gave. Event time begins anew, as after any restore of an operator: the inputs say where it stands. */
  readonly restore?: Uint8Array;
  /** Where the clock stands in the beginning. @default 0 */
  readonly processingTime?: number;
  /** How often steps that make watermarks of their own are asked for one, on the clock of the harness. @default 200 ms */
  readonly watermarkPeriod?: Duration;
  /** Whatever a function of the steps is given is frozen, what the test itself gives included, so that one which changes it in place throws there. @default true */
  readonly freezeValues?: boolean;
}

type Inputs = { readonly [name: string]: Input<any> };
type Outputs = { readonly [name: string]: AnyStream<unknown> };
type Fed<I extends Inputs> = { readonly [N in keyof I]: Stream<InputValue<I[N]>, any> };
type ValueOf<S> = S extends AnyStream<infer V> ? V : never;
type KeyOf<S> = S extends AnyStream<unknown, infer K> ? K : never;

/** Steps under test: what happens to them, call by call, and what comes out. Every call is over when it returns, with all that it has caused. */
export interface Harness<I extends Inputs, O extends Outputs> {
  /**
   * A record comes in.
   * @param at `key` is null and `timestamp` is missing unless they are given: then the record has none
   */
  element<N extends keyof I & string>(
    input: N,
    value: InputValue<I[N]>,
    at?: { readonly key?: unknown; readonly timestamp?: number; readonly headers?: DraftHeaders },
  ): void;
  /** Event time has come this far, at one input or at each of them in turn. An input without channels passes on what it is told, be it behind what was said before. @param channel counted from 0; by default all of the input's */
  watermark(timestamp: number, input?: keyof I & string, channel?: number): void;
  /** Nothing is to be expected of an input for now, or something is again. */
  idle(input: keyof I & string, idle?: boolean, channel?: number): void;
  /** An input is at its end, or all are: event time goes on to its end. */
  end(input?: keyof I & string): void;
  /** Moves the clock: timers of processing time that are due fire, all of them seeing the new time. */
  processingTime(timestamp: number): void;
  /** Lets asynchronous requests that are answered come through. */
  settle(): Promise<void>;
  /** All state, as a new harness of the same steps takes it to `restore`. */
  snapshot(): Uint8Array;
  /** What has come out since the last call. */
  read<N extends keyof O & string>(output: N): readonly TestRecord<ValueOf<O[N]>, KeyOf<O[N]>>[];
  /** The same, with watermarks and idleness in between: since the last call of this method. */
  events<N extends keyof O & string>(output: N): readonly TestEvent<ValueOf<O[N]>, KeyOf<O[N]>>[];
}

/**
 * Runs steps without a log: the same plan and the same operators as `run`, in one task, synchronously. The test says what comes in, how event time and the clock go on, and when something answers.
 *
 * @param inputs by name, each made by `input<V>()`
 * @param build gives the streams to be looked at, by name
 *
 * @example
 * ```ts
 * import { minutes, tumbling } from "millrace";
 * import { harness, input } from "millrace/testing";
 *
 * const test = harness({ clicks: input<string>() }, ({ clicks }) => {
 *   const perMinute = clicks.keyBy((page) => page).window(tumbling({ size: minutes(1) })).count("clicks");
 *   return { perMinute, late: perMinute.side.late };
 * });
 * test.element("clicks", "/home", { timestamp: 1_000 });
 * test.element("clicks", "/home", { timestamp: 2_000 });
 * test.watermark(59_999);
 * console.log(test.read("perMinute").map(({ key, value }) => [key, value])); // [["/home", 2]]
 * ```
 */
export const harness = <I extends Inputs, O extends Outputs>(
  inputs: I,
  build: (streams: Fed<I>) => O,
  options: HarnessOptions = {},
): Harness<I, O> => {
  const taps = new Map<string, OutputTap>();
  const program = topology("harness", ({ from }) => {
    const streams = Object.fromEntries(
      Object.keys(inputs).map((name) => [name, from(topic(name, { key: typedKey, value: selfDescribing }))]),
    );
    for (const [name, stream] of Object.entries(build(streams as Fed<I>))) {
      const tap = new OutputTap();
      taps.set(name, tap);
      tapped(name, stream, tap);
    }
  });
  const plan = options.freezeValues === false ? program.plan() : frozenPlan(program.plan());
  const run = new StepRun(fuse(plan), inputs, options);
  const tapOf = (output: string): OutputTap => {
    const tap = taps.get(output);
    if (tap === undefined)
      throw new TopologyError("NAME_INVALID", `The harness has no output '${output}': it has ${[...taps.keys()].join(", ")}`);
    return tap;
  };
  return {
    element: (name, value, at = {}) => run.element(name, value, at),
    watermark: (timestamp, name, channel) => run.watermark(timestamp, name, channel),
    idle: (name, idle = true, channel) => run.idle(name, idle, channel),
    end: (name) => run.watermark(Number.POSITIVE_INFINITY, name, undefined),
    processingTime: (timestamp) => run.processingTime(timestamp),
    settle: () => run.settle(),
    snapshot: () => run.snapshot(),
    read: (output) => tapOf(output).read() as any,
    events: (output) => tapOf(output).events() as any,
  };
};

const tapped = (name: string, stream: unknown, tap: OutputTap): void => {
  if (!(stream instanceof StreamHandle))
    throw new TopologyError(
      "TOPOLOGY_INVALID",
      `The harness cannot look at '${name}', which is no stream: give one of the streams, or table.toStream()`,
    );
  // As a step with state it runs once, also behind a union, and hears the event time of all of it.
  stream.graph.add(
    stepNode({ operation: "look", ports: [{ stream: stream.node, needs: "anything" }], stateful: true, operator: () => tap.operator }),
  );
};
