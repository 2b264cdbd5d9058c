import { aggregateTableOperator } from "../../core/operators/aggregate_table_operator.ts";
import { rowsReader } from "../../core/operators/table_readers.ts";
import type { Aggregator } from "../../core/state/aggregator.ts";
import { scanOperator } from "../../core/window/scan_operator.ts";
import type { NodeId } from "../graph/graph.ts";
import { type StepNode, stepNode } from "../graph/step_node.ts";
import type { NamedStore } from "./table_step.ts";

/** One running result per key, as a table. */
export const aggregateStep = (
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
    reader: rowsReader(aggregator.result, value ?? aggregator.serde),
    operator: ({ single, before, cached }) => aggregateTableOperator(aggregator, { nullKey: single, before, cached, serde: value }),
  });

/** One result per record. */
export const scanStep = (name: string, stream: NodeId, aggregator: Aggregator<any, any, any, any>): StepNode =>
  stepNode({
    operation: "scan",
    name,
    ports: [{ stream, needs: "key" }],
    stateful: true,
    operator: ({ single }) => scanOperator(aggregator, { single }),
  });
