import type { StoreDescriptor } from "../../core/state/stores/store_descriptor.ts";
import { type StepNode, stepNode } from "../graph/step_node.ts";

/** Keeps a store that steps share; it does nothing by itself. */
export const storeStep = ({ name, parameters, changelog, reader }: StoreDescriptor<unknown, unknown>): StepNode =>
  stepNode({ operation: "store", name, ports: [], stateful: true, changelog, parameters, reader, operator: () => () => ({ inputs: [] }) });
