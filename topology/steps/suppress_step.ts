import { type Suppression, suppressOperator } from "../../core/operators/suppress_operator.ts";
import type { NodeId } from "../graph/graph.ts";
import { type StepNode, stepNode } from "../graph/step_node.ts";

/** Holds the changes of a table back. */
export const suppressStep = (name: string, changes: NodeId, suppression: Omit<Suppression, "before">): StepNode =>
  stepNode({
    operation: "suppress",
    name,
    ports: [{ stream: changes, needs: "key", changes: "asked" }],
    stateful: true,
    parameters: {
      until: suppression.final ? "window closes" : "time limit",
      after: suppression.afterMs,
      clock: suppression.clock,
      ...(suppression.atLatestMs === undefined ? {} : { atLatest: suppression.atLatestMs }),
      ...(suppression.recordsMax === Number.POSITIVE_INFINITY ? {} : { maxRecords: suppression.recordsMax }),
      ...(suppression.bytesMax === Number.POSITIVE_INFINITY ? {} : { maxBytes: suppression.bytesMax }),
    },
    operator: ({ before }) => suppressOperator({ ...suppression, before }),
  });
