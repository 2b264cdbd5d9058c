import {
  answeredRow,
  answerOperator,
  type ForeignKeyJoin,
  resolveOperator,
  subscribeOperator,
} from "../../core/operators/foreign_key_join_operators.ts";
import { rowsReader } from "../../core/operators/table_readers.ts";
import { rowsView } from "../../core/operators/table_view.ts";
import { keyByNode } from "../graph/exchange_node.ts";
import type { GraphBuilder, NodeId } from "../graph/graph.ts";
import { sideNode } from "../graph/side_node.ts";
import { stepNode } from "../graph/step_node.ts";
import { unionNode } from "../graph/union_node.ts";
import type { TableSide, View } from "./table_step.ts";

/**
 * Joins a table with another by a key that stands in its rows. The left table tells the tasks of the right one which of its rows follow which key, and these answer: two topics, since neither side is where the other one is. Gives the step that
 * has the result, and how to look into it.
 */
export const foreignKeyJoin = (
  graph: GraphBuilder,
  name: string,
  join: ForeignKeyJoin,
  left: Omit<TableSide, "view">,
  right: TableSide,
): { readonly result: NodeId; readonly view: View } => {
  const subscriptions = graph.add(
    stepNode({
      operation: "subscribe",
      name: `${name}-subscribe`,
      ports: [{ stream: left.changes, needs: "key", table: true, changes: "asked" }],
      stateful: true,
      keys: "changed",
      operator: () => subscribeOperator(join, left.versioned),
    }),
  );
  const answers = graph.add(
    stepNode({
      operation: "answer",
      name: `${name}-answer`,
      ports: [
        { stream: graph.add(keyByNode(subscriptions, undefined, undefined)), needs: "key" },
        { stream: right.changes, needs: "key", table: true },
      ],
      lookups: right.view.steps,
      stateful: true,
      keys: "changed",
      operator: ({ tables }) => answerOperator(join, { view: right.view.open, stores: tables, versioned: right.versioned }),
    }),
  );
  const all = join.left ? graph.add(unionNode(answers, graph.add(sideNode(subscriptions, "alone")))) : answers;
  const result = graph.add(
    stepNode({
      operation: join.left ? "leftJoin" : "join",
      name,
      ports: [{ stream: graph.add(keyByNode(all, undefined, undefined)), needs: "key" }],
      stateful: true,
      parameters: { by: "foreign key" },
      reader: rowsReader(answeredRow),
      operator: ({ before, cached }) => resolveOperator({ before, cached }),
    }),
  );
  return { result, view: { steps: [result], open: rowsView(answeredRow) } };
};
