import { RecordMeta } from "../record.ts";
import { type BroadcastSpec, openBroadcast, type StateSpec, type StoreSpec } from "../state/descriptors.ts";
import type { StepState } from "../state/step_state.ts";
import { type KeyOptions, keyed } from "./keyed.ts";
import type { OperatorFactory, Push } from "./operator.ts";
import type { Broadcast, PlainBroadcast } from "./process_function.ts";
import { emitResults } from "./results.ts";
import type { SideSpec } from "./side_output.ts";
import { Frame, StepContext, TaskStepContext } from "./step_context.ts";

/** Runs a function over a stream with keys and a broadcast stream, whose maps every task has a copy of. Inputs: records, broadcast. */
export const connectBroadcastOperator =
  <V, B, K, S extends StateSpec = {}, T extends BroadcastSpec = {}, O extends SideSpec = {}, R1 = never, R2 = never, R3 = never>(
    spec: Broadcast<V, B, K, S, T, O, R1, R2, R3>,
    options: KeyOptions = {},
  ): OperatorFactory =>
  (context) => {
    const { emit, state, step } = context;
    const { readable, writable } = openBroadcast(spec.broadcast, context, { prefix: "b:" });
    const keySources: (() => Iterable<unknown>)[] = [];
    const frame = new Frame(context, spec, {
      broadcast: readable,
      keysIn: (keys) => keySources.push(keys),
      onTimer:
        spec.onTimer &&
        ((timer) => {
          const record = RecordMeta.ofTime(state.key, timer.timestamp);
          emitResults(spec.onTimer!(timer, new StepContext(frame, record)), record, emit, step);
        }),
    });
    const forTask = new TaskStepContext(frame, writable, (fn) => {
      for (const key of keysOf(state, keySources)) {
        state.setKey(key);
        fn(key, frame.state);
      }
    });
    return {
      inputs: [
        keyed(context, options, (value, record) => {
          emitResults(spec.onRecord(value as V, new StepContext(frame, record)), record, emit, step);
        }),
        broadcastInput(frame, (value) => spec.onBroadcast(value as B, forTask)),
      ],
      onCommit: () => state.cleanUp(),
    };
  };

/** The same for a stream without keys. */
export const plainConnectBroadcastOperator =
  <V, B, K, S extends StoreSpec = {}, T extends BroadcastSpec = {}, O extends SideSpec = {}, R1 = never, R2 = never>(
    spec: PlainBroadcast<V, B, K, S, T, O, R1, R2>,
  ): OperatorFactory =>
  (context) => {
    const { readable, writable } = openBroadcast(spec.broadcast, context, { prefix: "b:" });
    const frame = new Frame(context, spec, { broadcast: readable });
    const forTask = new TaskStepContext(frame, writable, () => {});
    return {
      inputs: [
        (value, record) => emitResults(spec.onRecord(value as V, new StepContext(frame, record)), record, context.emit, context.step),
        broadcastInput(frame, (value) => spec.onBroadcast(value as B, forTask)),
      ],
    };
  };

/** The key of a broadcast record says nothing about the stream with keys: what comes of it goes on without. */
const broadcastInput =
  (frame: Frame, onBroadcast: (value: unknown) => unknown): Push =>
  (value, record) => {
    const keyless = record.withKey(null);
    frame.record = keyless;
    emitResults(onBroadcast(value), keyless, frame.context.emit, frame.context.step);
  };

/** Each key that some state has an entry of, once. Found before the first is visited, since visits may change the state. */
const keysOf = (state: StepState, sources: readonly (() => Iterable<unknown>)[]): Iterable<unknown> => {
  const keys = new Map<unknown, unknown>();
  for (const source of sources) for (const key of source()) keys.set(state.keys.mapKey(key), key);
  return keys.values();
};
