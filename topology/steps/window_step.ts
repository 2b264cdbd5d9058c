import type { Assigner } from "../../core/window/assigner.ts";
import { type WindowContents, windowOperator } from "../../core/window/window_operator.ts";
import { windowParameters } from "../../core/window/window_spec.ts";
import type { NodeId } from "../graph/graph.ts";
import { type StepNode, stepNode } from "../graph/step_node.ts";
import type { Firing } from "../windowed_stream.ts";

/** What stands between a keyed stream and its windows' contents. */
export interface Windows {
  readonly stream: NodeId;
  readonly assigner: Assigner<any, any>;
  readonly firing: Firing<any, any>;
}

/** What is made of each window, and when. Throws TopologyError WINDOW_INVALID when the parts do not go together. */
export const windowStep = (name: string, { stream, assigner, firing }: Windows, contents: WindowContents): StepNode => {
  const spec = { assigner, trigger: firing.emit, evictor: firing.evict, latenessMs: firing.lateness, contents };
  return stepNode({
    operation: "window",
    name,
    ports: [{ stream, needs: "key" }],
    stateful: true,
    parameters: windowParameters(spec),
    operator: ({ single }) => windowOperator({ ...spec, single }),
  });
};
