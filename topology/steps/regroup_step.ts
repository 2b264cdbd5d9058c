import { regroupedTableOperator, regroupOperator } from "../../core/operators/regroup_operator.ts";
import { rowsReader } from "../../core/operators/table_readers.ts";
import type { Aggregator } from "../../core/state/aggregator.ts";
import type { NodeId } from "../graph/graph.ts";
import { type StepNode, stepNode } from "../graph/step_node.ts";
import type { NamedStore } from "./table_step.ts";

/** The changes of a table under the keys of its groups. */
export const regroupStep = (changes: NodeId, key: (value: any, record: any) => unknown, versioned: boolean): StepNode =>
  stepNode({
    operation: "groupBy",
    ports: [{ stream: changes, needs: "anything", changes: "asked" }],
    keys: "changed",
    operator: () => regroupOperator(key, versioned),
  });

/** One running result per group, to which rows are added and from which they are taken away. */
export const regroupedStep = (
  operation: "count" | "reduce" | "aggregate",
  { name, value, changelog }: NamedStore,
  stream: NodeId,
  aggregator: Aggregator<any, any, any, any>,
): StepNode =>
  stepNode({
    operation,
    name,
    ports: [{ stream, needs: "key" }],
    stateful: true,
    changelog,
    parameters: { of: "a table" },
    reader: rowsReader(aggregator.result, value ?? aggregator.serde),
    operator: ({ before, cached }) => regroupedTableOperator(aggregator, { before, cached, serde: value }),
  });
