import { RecordMeta } from "../record.ts";
import type { StateSpec } from "../state/descriptors.ts";
import { type KeyOptions, keyed, needsStore } from "./keyed.ts";
import type { OperatorFactory } from "./operator.ts";
import type { Connect } from "./process_function.ts";
import { emitResults } from "./results.ts";
import type { SideSpec } from "./side_output.ts";
import { Frame, StepContext } from "./step_context.ts";

/** Runs a function over two streams with the same keys; both sides and the timers see the same state. Inputs: left, right. */
export const connectOperator =
  <L, R, K, S extends StateSpec = {}, O extends SideSpec = {}, R1 = never, R2 = never, R3 = never>(
    spec: Connect<L, R, K, S, O, R1, R2, R3>,
    options: KeyOptions = {},
  ): OperatorFactory =>
  (context) => {
    const { emit, step } = context;
    const keys = { ...options, stateless: !needsStore(spec) };
    const frame = new Frame(context, spec, {
      onTimer:
        spec.onTimer &&
        ((timer) => {
          const record = RecordMeta.ofTime(context.state.key, timer.timestamp);
          emitResults(spec.onTimer!(timer, new StepContext(frame, record)), record, emit, step);
        }),
    });
    return {
      inputs: [
        keyed(context, keys, (value, record) => {
          emitResults(spec.onLeft(value as L, new StepContext(frame, record)), record, emit, step);
        }),
        keyed(context, keys, (value, record) => {
          emitResults(spec.onRight(value as R, new StepContext(frame, record)), record, emit, step);
        }),
      ],
      onCommit: keys.stateless ? () => {} : () => context.state.cleanUp(),
    };
  };
