import { TopologyError } from "../../core/errors.ts";
import { asyncOperator } from "../../core/operators/async_operator.ts";
import type { AsyncOptions } from "../../core/operators/async_options.ts";
import type { Ask } from "../../core/operators/async_request.ts";
import type { NodeId } from "../graph/graph.ts";
import { type StepNode, stepNode } from "../graph/step_node.ts";

/** Asks something outside for each record. */
export const asyncStep = (name: string, stream: NodeId, ask: Ask<any, any>, options: AsyncOptions<any, any>): StepNode => {
  const { order = "input", capacity, timeout, retry } = options;
  const refuse = (what: string, wanted: string): never => {
    throw new TopologyError("OPTION_INVALID", `Step '${name}' cannot have ${what}: give ${wanted}`, { step: name });
  };
  if (capacity !== undefined && !(Number.isInteger(capacity) && capacity > 0))
    refuse(`a capacity of ${capacity}`, "a whole number above zero");
  if (timeout !== undefined && !(timeout > 0)) refuse(`a timeout of ${timeout} ms`, "a duration above zero, such as seconds(10)");
  if (retry !== undefined && !(Number.isInteger(retry.attempts) && retry.attempts > 0))
    refuse(`${retry.attempts} attempts`, "a whole number above zero");
  return stepNode({
    operation: "mapAsync",
    name,
    ports: [{ stream, needs: order === "key" ? "key" : "anything" }],
    stateful: true,
    parameters: { order, ...(timeout === undefined ? {} : { timeout }) },
    operator: () => asyncOperator(ask, options),
  });
};
