import { asOfJoinOperator } from "../../core/operators/as_of_join_operator.ts";
import { type StreamJoin, streamJoinOperator } from "../../core/operators/stream_join_operator.ts";
import { tableJoinOperator } from "../../core/operators/table_join_operator.ts";
import { temporalJoinOperator } from "../../core/operators/temporal_join_operator.ts";
import type { NodeId } from "../graph/graph.ts";
import { type StepNode, stepNode } from "../graph/step_node.ts";
import { operationOf, type View } from "./table_step.ts";

type Joiner = (left: any, right: any, record: any) => unknown;

/** A stream that looks into a table as it is. */
export const tableJoinStep = (join: {
  readonly name: string;
  readonly left: boolean;
  readonly stream: NodeId;
  readonly view: View;
  readonly joiner: Joiner;
}): StepNode =>
  stepNode({
    operation: join.left ? "leftJoin" : "join",
    name: join.name,
    ports: [{ stream: join.stream, needs: "key", keyless: join.left }],
    lookups: join.view.steps,
    operator: ({ tables }) => tableJoinOperator({ left: join.left, joiner: join.joiner, table: { view: join.view.open, stores: tables } }),
  });

/** A stream that looks into a table of which every task has a copy, under keys that are taken from the records. */
export const globalJoinStep = (join: {
  readonly name: string;
  readonly left: boolean;
  readonly stream: NodeId;
  readonly view: View;
  readonly on: (value: any, record: any) => unknown;
  readonly joiner: Joiner;
}): StepNode =>
  stepNode({
    operation: join.left ? "leftJoin" : "join",
    name: join.name,
    ports: [{ stream: join.stream, needs: "anything" }],
    stores: join.view.steps,
    parameters: { with: "a global table" },
    operator: ({ stores }) =>
      tableJoinOperator({ left: join.left, joiner: join.joiner, on: join.on, table: { view: join.view.open, stores } }),
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

/** The same by stream time: what the table does not know yet when a record's time has come does not count. */
export const asOfJoinStep = (join: {
  readonly name: string;
  readonly left: boolean;
  readonly stream: NodeId;
  readonly view: View;
  readonly latenessMs: number;
  readonly joiner: Joiner;
}): StepNode =>
  stepNode({
    operation: join.left ? "leftJoin" : "join",
    name: join.name,
    ports: [{ stream: join.stream, needs: "key", keyless: join.left }],
    lookups: join.view.steps,
    stateful: join.latenessMs > 0,
    parameters: { asOf: "stream-time", lateness: join.latenessMs },
    operator: ({ tables }) =>
      asOfJoinOperator({
        left: join.left,
        joiner: join.joiner,
        latenessMs: join.latenessMs,
        table: { view: join.view.open, stores: tables, versioned: true },
      }),
  });

/** Two streams whose records lie close enough in time. */
export const streamJoinStep = (name: string, left: NodeId, right: NodeId, join: StreamJoin): StepNode =>
  stepNode({
    operation: operationOf[join.kind],
    name,
    ports: [
      { stream: left, needs: "key", keyless: join.kind !== "inner" },
      { stream: right, needs: "key", keyless: join.kind === "outer" },
    ],
    stateful: true,
    parameters: {
      kind: join.kind,
      before: join.beforeMs,
      after: join.afterMs,
      lateness: join.latenessMs,
      clock: join.clock,
    },
    operator: () => streamJoinOperator(join),
  });
