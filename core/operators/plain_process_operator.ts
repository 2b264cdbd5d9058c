import type { StoreSpec } from "../state/descriptors.ts";
import type { OperatorFactory } from "./operator.ts";
import type { PlainProcess } from "./process_function.ts";
import { emitResults } from "./results.ts";
import { schedules } from "./schedules.ts";
import type { SideSpec } from "./side_output.ts";
import { Frame, StepContext } from "./step_context.ts";

/** Runs a process function over a stream without keys. A store is needed only when state is declared. */
export const plainProcessOperator =
  <V, K, S extends StoreSpec = {}, O extends SideSpec = {}, R1 = never, R3 = never>(
    spec: PlainProcess<V, K, S, O, R1, R3>,
  ): OperatorFactory =>
  (context) => {
    const frame = new Frame(context, spec);
    return {
      inputs: [
        (value, record) => emitResults(spec.onRecord(value as V, new StepContext(frame, record)), record, context.emit, context.step),
      ],
      ...schedules(context, spec, frame),
    };
  };
