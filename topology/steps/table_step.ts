import { tableOperator } from "../../core/operators/table_operator.ts";
import type { NodeId } from "../graph/graph.ts";
import { type StepNode, stepNode } from "../graph/step_node.ts";

/** Keeps the rows of a table, for the steps that look into it. */
export const tableStep = (name: string, changes: NodeId): StepNode =>
  stepNode({
    operation: "table",
    name,
    ports: [{ stream: changes, needs: "key" }],
    stateful: true,
    rows: { row: undefined },
    operator: ({ single }) => tableOperator({ nullKey: single }),
  });
