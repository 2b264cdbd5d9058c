import { tableJoinOperator } from "../../core/operators/table_join_operator.ts";
import { temporalJoinOperator } from "../../core/operators/temporal_join_operator.ts";
import type { NodeId } from "../graph/graph.ts";
import { type StepNode, stepNode } from "../graph/step_node.ts";

type Joiner = (left: any, right: any, record: any) => unknown;

/** A stream that looks into a table as it is. */
export const tableJoinStep = (join: {
  readonly name: string;
  readonly left: boolean;
  readonly stream: NodeId;
  /** The step that keeps the rows. */
  readonly table: NodeId;
  readonly row: ((stored: any) => unknown) | undefined;
  readonly joiner: Joiner;
}): StepNode =>
  stepNode({
    operation: join.left ? "leftJoin" : "join",
    name: join.name,
    ports: [{ stream: join.stream, needs: "key", keyless: join.left }],
    lookups: [join.table],
    operator: ({ tables }) => tableJoinOperator({ left: join.left, joiner: join.joiner, table: tables[0]!, row: join.row }),
  });

/** A stream that is joined with a table as it was at the time of each record. */
export const temporalJoinStep = (join: {
  readonly name: string;
  readonly left: boolean;
  readonly stream: NodeId;
  /** The changes of the table. */
  readonly changes: NodeId;
  readonly historyMs: number;
  readonly joiner: Joiner;
}): StepNode =>
  stepNode({
    operation: join.left ? "leftJoin" : "join",
    name: join.name,
    ports: [
      { stream: join.stream, needs: "key", keyless: join.left },
      { stream: join.changes, needs: "key", table: true },
    ],
    stateful: true,
    parameters: { asOf: "watermark", history: join.historyMs },
    operator: () => temporalJoinOperator({ left: join.left, joiner: join.joiner, historyMs: join.historyMs }),
  });
