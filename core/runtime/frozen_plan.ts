import * as E from "fp-ts/lib/Either.js";
import { StepError } from "../errors.ts";
import type { Operator, OperatorContext, OperatorFactory, OwnWork, Push } from "../operators/operator.ts";
import { ownWork } from "../operators/own_work.ts";
import { deepFreeze, isFrozenChange } from "../serde/deep_freeze.ts";
import { inPlace, readsInPlace, writesInPlace } from "../serde/in_place.ts";
import type { Decoded, Serde } from "../serde/serde.ts";
import type { TimerOptions } from "../state/timer_service.ts";
import type { InputPlan, NodePlan, OutputPlan, Plan, SinkPlan, StorePlan } from "./plan.ts";

/**
 * The same plan, in which nothing that a function of the program is given can be changed in place: what is decoded, what steps send on and what stores hold is frozen. Who changes it nonetheless throws where it does so, with what to do instead.
 * It costs time with each record, so it is for development and tests; a plan that is not wrapped pays nothing.
 */
export const frozenPlan = (plan: Plan): Plan => ({
  ...plan,
  subtopologies: plan.subtopologies.map((one) => ({
    ...one,
    inputs: one.inputs.map(frozenInput),
    nodes: one.nodes.map(frozenNode),
    ...(one.sink === undefined ? {} : { sink: frozenSink(one.sink) }),
  })),
});

const frozenInput = (input: InputPlan): InputPlan => ({
  ...input,
  key: frozenSerde(input.key),
  value: frozenSerde(input.value),
  time:
    input.time === undefined
      ? undefined
      : { ...input.time, timestamp: input.time.timestamp === undefined ? undefined : advising(input.time.timestamp) },
});

const frozenNode = (node: NodePlan): NodePlan => ({
  ...node,
  ...(node.operator === undefined ? {} : { operator: frozenOperator(node.operator, node.store !== undefined) }),
  ...(node.output === undefined ? {} : { output: frozenOutput(node.output) }),
  ...(node.store === undefined ? {} : { store: frozenStore(node.store) }),
});

const frozenOutput = (output: OutputPlan): OutputPlan => ({
  ...output,
  partition: typeof output.partition === "function" ? advising(output.partition) : output.partition,
  ...(output.rekey === undefined ? {} : { rekey: frozenResult(advising(output.rekey)) }),
});

const frozenStore = (store: StorePlan): StorePlan => {
  const { keys } = store;
  return { ...store, keys: { ...keys, decode: (bytes) => deepFreeze(keys.decode(bytes)) } };
};

const frozenSink = ({ name, writer }: SinkPlan): SinkPlan => ({
  name,
  writer: {
    ...(writer.open === undefined ? {} : { open: () => writer.open!() }),
    write: async (batch, signal) => {
      try {
        return await writer.write(batch, signal);
      } catch (thrown) {
        throw advised(thrown);
      }
    },
    ...(writer.close === undefined ? {} : { close: () => writer.close!() }),
  },
});

/** A step that freezes what it takes and what it sends on, and whose state is frozen. */
const frozenOperator =
  (factory: OperatorFactory, hasStore: boolean): OperatorFactory =>
  (context) => {
    if (hasStore) context.state.freezeValues();
    const operator = factory(frozenContext(context));
    const frozen: Record<string, unknown> = {
      ...operator,
      inputs: operator.inputs.map((push) => frozenPush(advising(push))),
      ...(operator.work === undefined ? {} : { work: advisingWork(operator.work) }),
    };
    // One by one, since an operator may be an instance of a class.
    for (const method of methods) {
      const own = operator[method] as ((...args: readonly unknown[]) => unknown) | undefined;
      if (own !== undefined) frozen[method] = advising(own.bind(operator));
    }
    return frozen as unknown as Operator;
  };

/** What an operator may have beside its inputs and fields. */
const methods = [
  "open",
  "onWatermark",
  "onIdle",
  "onPeriod",
  "close",
  "afterRecord",
  "nextClock",
  "onClock",
  "onCommit",
  "holds",
] as const satisfies readonly (keyof Operator)[];

const advisingWork = (work: OwnWork): OwnWork =>
  ownWork(work, { run: advising(() => work.run()), leaveOut: advising(() => work.leaveOut()) });

const frozenContext = (context: OperatorContext): OperatorContext => {
  const { eventTimers, processingTimers } = context;
  // With its own properties, as operators may make one of their own of it; what it computes when it is asked must not be asked for here.
  const same = Object.defineProperties({}, Object.getOwnPropertyDescriptors(context)) as OperatorContext;
  return Object.assign(same, {
    emit: frozenPush(context.emit),
    side: (name: string) => frozenPush(context.side(name)),
    stateOf: (store: string) => {
      const state = context.stateOf(store);
      state.freezeValues();
      return state;
    },
    eventTimers: ((handler, options) => eventTimers(advising(handler), advisingOptions(options))) satisfies OperatorContext["eventTimers"],
    processingTimers: ((handler, options) =>
      processingTimers(advising(handler), advisingOptions(options))) satisfies OperatorContext["processingTimers"],
  });
};

const advisingOptions = (options: TimerOptions = {}): TimerOptions =>
  options.leftOut === undefined ? options : { ...options, leftOut: advising(options.leftOut) };

const frozenPush =
  (push: Push): Push =>
  (value, record) =>
    push(deepFreeze(value), deepFreeze(record));

const frozenResult =
  <A extends readonly any[], R>(fn: (...args: A) => R): ((...args: A) => R) =>
  (...args) =>
    deepFreeze(fn(...args));

const frozenSerde = (serde: Serde<any>): Serde<any> => {
  const deserialize = (bytes: Uint8Array, topic: string): Decoded<any> => E.map(deepFreeze)(serde.deserialize(bytes, topic));
  return inPlace({
    serialize: (value: unknown, topic: string) => serde.serialize(value, topic),
    ...(writesInPlace(serde) ? { write: serde.write!.bind(serde) } : {}),
    deserialize,
    ...(readsInPlace(serde)
      ? { read: (bytes: Uint8Array, start: number, end: number) => E.map(deepFreeze)(serde.read!(bytes, start, end)) }
      : {}),
    ...(serde.open === undefined ? {} : { open: serde.open.bind(serde) }),
    ...(serde.prepare === undefined ? {} : { prepare: serde.prepare.bind(serde) }),
    ...(serde.takesNull === undefined ? {} : { takesNull: serde.takesNull }),
    ...(serde.name === undefined ? {} : { name: serde.name }),
  } satisfies Serde<any>);
};

/** The function, which says what to do where it fails as it changes something frozen. */
const advising =
  <A extends readonly any[], R>(fn: (...args: A) => R): ((...args: A) => R) =>
  (...args) => {
    try {
      return fn(...args);
    } catch (thrown) {
      throw advised(thrown);
    }
  };

const advised = (thrown: unknown): unknown => {
  // What a question has failed with, which the step has made an error of already.
  if (thrown instanceof StepError && isBare(thrown.cause)) {
    const { step, topic, partition, offset, value } = thrown;
    return new StepError(withAdvice(thrown), { step, topic, partition, offset, value, cause: advised(thrown.cause) });
  }
  return isBare(thrown) ? new TypeError(withAdvice(thrown), { cause: thrown }) : thrown;
};

const isBare = (thrown: unknown): thrown is TypeError => isFrozenChange(thrown) && !thrown.message.endsWith(advice);

const withAdvice = ({ message }: Error): string => `${message}. ${advice}`;

const advice =
  "Values are frozen here (freezeValues), since a change in place is seen by other steps and missed by stores: make a new value instead of changing what was given, as in { ...value, field }";
