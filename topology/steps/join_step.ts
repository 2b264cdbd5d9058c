import { TopologyError } from "../../core/errors.ts";
import { asOfJoinOperator } from "../../core/operators/as_of_join_operator.ts";
import { intervalJoinOperator } from "../../core/operators/interval_join_operator.ts";
import { type StreamJoin, streamJoinOperator } from "../../core/operators/stream_join_operator.ts";
import { tableJoinOperator } from "../../core/operators/table_join_operator.ts";
import { temporalJoinOperator } from "../../core/operators/temporal_join_operator.ts";
import type { NodeId } from "../graph/graph.ts";
import { type StepNode, stepNode } from "../graph/step_node.ts";
import type { Interval } from "../stream_join.ts";
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

/** Two streams whose records are joined when they are close in time. */
export const intervalJoinStep = (join: {
  readonly name: string;
  readonly left: NodeId;
  readonly right: NodeId;
  readonly interval: Interval;
  readonly joiner: Joiner;
}): StepNode => {
  const { name, joiner } = join;
  const { before, after, exclusive, lateness = 0 } = join.interval;
  if (!(before + after >= 0))
    throw new TopologyError(
      "OPTION_INVALID",
      `Step '${name}' joins records from ${before} ms before to ${after} ms after the left one, which are none: give an interval that does not end before it begins`,
      { step: name },
    );
  if (!(lateness >= 0))
    throw new TopologyError(
      "OPTION_INVALID",
      `Step '${name}' joins two streams, and its option lateness is ${String(lateness)}: give a duration that is not negative, such as minutes(1)`,
      { step: name },
    );
  if (typeof joiner !== "function")
    throw new TopologyError(
      "TOPOLOGY_INVALID",
      `Step '${name}' joins two streams and has no function that makes a result of them: give it last`,
      {
        step: name,
      },
    );
  const lower = -before + (exclusive === "before" || exclusive === "both" ? 1 : 0);
  const upper = after - (exclusive === "after" || exclusive === "both" ? 1 : 0);
  return stepNode({
    operation: "join",
    name,
    ports: [
      { stream: join.left, needs: "key" },
      { stream: join.right, needs: "key" },
    ],
    stateful: true,
    parameters: { kind: "inner", before, after, lateness, clock: "watermark", ...(exclusive === undefined ? {} : { exclusive }) },
    operator: ({ single }) => intervalJoinOperator({ lower, upper, latenessMs: lateness, joiner }, { nullKey: single }),
  });
};
