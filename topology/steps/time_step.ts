import { type WithTime, withTimeOperator } from "../../core/operators/with_time_operator.ts";
import type { NodeId } from "../graph/graph.ts";
import { type StepNode, stepNode } from "../graph/step_node.ts";

/** Other timestamps, and another event time, for the steps behind. */
export const timeStep = (name: string, stream: NodeId, time: WithTime): StepNode =>
  stepNode({
    operation: "withTime",
    name,
    ports: [{ stream, needs: "anything" }],
    stateful: true,
    parameters: { watermarks: time.watermarks.name, ...(time.idlenessMs === undefined ? {} : { idleness: time.idlenessMs }) },
    operator: () => withTimeOperator(time),
  });
