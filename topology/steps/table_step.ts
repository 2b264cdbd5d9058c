import { keyed } from "../../core/operators/keyed.ts";
import { materializeOperator, tableOperator } from "../../core/operators/table_operator.ts";
import { rowsReader, versionedReader } from "../../core/operators/table_readers.ts";
import { filterTableOperator, mapTableOperator } from "../../core/operators/table_step_operators.ts";
import type { JoinKind } from "../../core/operators/table_table_join_operator.ts";
import { tableTableJoinOperator } from "../../core/operators/table_table_join_operator.ts";
import type { TableView } from "../../core/operators/table_view.ts";
import { versionedTableOperator } from "../../core/operators/versioned_table_operator.ts";
import type { Serde } from "../../core/serde/serde.ts";
import type { NodeId } from "../graph/graph.ts";
import { type StepNode, stepNode } from "../graph/step_node.ts";

/** A table to look into: the steps whose stores it stands on, and how. */
export interface View {
  readonly steps: readonly NodeId[];
  readonly open: TableView;
}

/** A store that a step keeps: its name, and how its rows are written. */
export interface NamedStore {
  readonly name: string;
  readonly value: Serde<any> | undefined;
  /** Whether its changes go to a changelog. */
  readonly changelog: boolean;
}

/** Keeps the rows of a table that is read from a topic, for the steps that look into it. */
export const tableStep = ({ name, value, changelog }: NamedStore, changes: NodeId, fromSource: boolean): StepNode =>
  stepNode({
    operation: "table",
    name,
    ports: [{ stream: changes, needs: "key" }],
    stateful: true,
    changelog,
    reader: rowsReader(undefined, value),
    rows: fromSource ? { value } : undefined,
    operator: ({ single, before, cached }) => tableOperator({ nullKey: single, before, cached, serde: value }),
  });

/** The changes of a topic that is read as a table, where nobody keeps its rows. */
export const changesStep = (changes: NodeId): StepNode =>
  stepNode({
    operation: "changes",
    ports: [{ stream: changes, needs: "key" }],
    operator:
      ({ single }) =>
      (context) => ({ inputs: [keyed(context, { nullKey: single, stateless: true }, context.emit)] }),
  });

/** Keeps the rows of a table with their history. */
export const versionedTableStep = (name: string, changes: NodeId, historyMs: number): StepNode =>
  stepNode({
    operation: "table",
    name,
    ports: [{ stream: changes, needs: "key" }],
    stateful: true,
    parameters: { history: historyMs },
    reader: versionedReader(historyMs),
    operator: ({ single }) => versionedTableOperator(historyMs, { nullKey: single }),
  });

/** Keeps the rows of a table that other steps make. */
export const materializeStep = ({ name, value, changelog }: NamedStore, changes: NodeId, behind: "filter" | "join" | undefined): StepNode =>
  stepNode({
    operation: "materialize",
    name,
    // Only a join knows better than the store what was there before.
    ports: [{ stream: changes, needs: "key", ...(behind === "join" ? { changes: "passed on" } : {}) }],
    stateful: true,
    changelog,
    reader: rowsReader(undefined, value),
    operator: ({ single, before, cached }) => materializeOperator({ nullKey: single, before, cached, serde: value, behind }),
  });

/** Rows that fulfil a condition. */
export const filterTableStep = (changes: NodeId, fn: (value: any, record: any) => boolean, versioned: boolean): StepNode =>
  stepNode({
    operation: "filter",
    ports: [{ stream: changes, needs: "anything", changes: "asked" }],
    operator: () => filterTableOperator(fn, versioned),
  });

/** Other values for the rows. */
export const mapTableStep = (changes: NodeId, fn: (value: any, record: any) => unknown): StepNode =>
  stepNode({
    operation: "map",
    ports: [{ stream: changes, needs: "anything", changes: "passed on" }],
    operator: ({ before }) => mapTableOperator(fn, before),
  });

/** One side of a join of tables. */
export interface TableSide {
  readonly changes: NodeId;
  readonly view: View;
  readonly versioned: boolean;
}

/** Two tables under one key. */
export const tableTableJoinStep = (join: {
  readonly name: string;
  readonly kind: JoinKind;
  readonly joiner: (left: any, right: any, key: any) => unknown;
  readonly left: TableSide;
  readonly right: TableSide;
}): StepNode => {
  const { left, right } = join;
  return stepNode({
    operation: operationOf[join.kind],
    name: join.name,
    ports: [left, right].map(({ changes }) => ({ stream: changes, needs: "key", table: true, changes: "asked" }) as const),
    lookups: [...left.view.steps, ...right.view.steps],
    operator: ({ tables, before }) =>
      tableTableJoinOperator({
        kind: join.kind,
        joiner: join.joiner,
        before,
        left: { view: left.view.open, stores: tables.slice(0, left.view.steps.length), versioned: left.versioned },
        right: { view: right.view.open, stores: tables.slice(left.view.steps.length), versioned: right.versioned },
      }),
  });
};

export const operationOf: Readonly<Record<JoinKind, string>> = { inner: "join", left: "leftJoin", outer: "outerJoin" };
