import { RecordMeta } from "../record.ts";
import type { StateSpec } from "../state/descriptors.ts";
import { type KeyOptions, keyed, needsStore } from "./keyed.ts";
import type { OperatorFactory } from "./operator.ts";
import type { Process } from "./process_function.ts";
import { emitResults } from "./results.ts";
import { schedules } from "./schedules.ts";
import type { SideSpec } from "./side_output.ts";
import { Frame, StepContext } from "./step_context.ts";

/** Runs a process function over a stream with keys. */
export const processOperator =
  <V, K, S extends StateSpec = {}, O extends SideSpec = {}, R1 = never, R2 = never, R3 = never>(
    spec: Process<V, K, S, O, R1, R2, R3>,
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
          emitResults(spec.onRecord(value as V, new StepContext(frame, record)), record, emit, step);
        }),
      ],
      ...schedules(context, spec, frame),
      onCommit: keys.stateless ? () => {} : () => context.state.cleanUp(),
    };
  };
