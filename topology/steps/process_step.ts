import { connectBroadcastOperator, plainConnectBroadcastOperator } from "../../core/operators/connect_broadcast_operator.ts";
import { connectOperator } from "../../core/operators/connect_operator.ts";
import { needsStore } from "../../core/operators/keyed.ts";
import { plainProcessOperator } from "../../core/operators/plain_process_operator.ts";
import type { Broadcast, Connect, PlainBroadcast, PlainProcess, Process } from "../../core/operators/process_function.ts";
import { processOperator } from "../../core/operators/process_operator.ts";
import type { Ticking } from "../../core/operators/schedules.ts";
import type { NodeId } from "../graph/graph.ts";
import { type StepNode, stepNode } from "../graph/step_node.ts";

type Declared = Parameters<typeof needsStore>[0];

/** What of a function's state tells whether the program has changed: the names, and to whom each belongs. */
const declared = (spec: Declared): StepNode["parameters"] => {
  const parameters: Record<string, string | boolean> = {};
  const states = Object.entries({ ...spec.state, ...spec.broadcast }).map(([name, { scope }]) =>
    scope === "key" ? name : `${name} (${scope})`,
  );
  if (states.length > 0) parameters["keeps"] = states.sort().join(", ");
  if (spec.onTimer !== undefined) parameters["timers"] = true;
  for (const [name, { every, by }] of Object.entries((spec as Ticking).schedules ?? {}))
    parameters[`schedule ${name}`] = `${every} ms by ${by}`;
  return parameters;
};

export const processStep = (
  name: string,
  stream: NodeId,
  spec: Process<any, any, any, any, any, any, any>,
  stores: readonly NodeId[],
): StepNode =>
  stepNode({
    operation: "process",
    name,
    stores,
    ports: [{ stream, needs: "key" }],
    stateful: needsStore(spec),
    parameters: declared(spec),
    operator: ({ single }) => processOperator(spec, { nullKey: single }),
  });

export const plainProcessStep = (
  name: string,
  stream: NodeId,
  spec: PlainProcess<any, any, any, any, any, any>,
  stores: readonly NodeId[],
): StepNode =>
  stepNode({
    operation: "process",
    name,
    stores,
    ports: [{ stream, needs: "anything" }],
    stateful: needsStore(spec as Declared),
    parameters: declared(spec as Declared),
    operator: () => plainProcessOperator(spec),
  });

export const connectStep = (
  name: string,
  left: NodeId,
  right: NodeId,
  spec: Connect<any, any, any, any, any, any, any, any>,
  stores: readonly NodeId[],
): StepNode =>
  stepNode({
    operation: "connect",
    name,
    stores,
    ports: [
      { stream: left, needs: "key" },
      { stream: right, needs: "key" },
    ],
    stateful: needsStore(spec),
    parameters: declared(spec),
    operator: ({ single }) => connectOperator(spec, { nullKey: single }),
  });

export const connectBroadcastStep = (
  name: string,
  stream: NodeId,
  other: NodeId,
  spec: Broadcast<any, any, any, any, any, any, any, any, any>,
): StepNode =>
  stepNode({
    operation: "connectBroadcast",
    name,
    ports: [
      { stream, needs: "key" },
      { stream: other, needs: "everywhere" },
    ],
    stateful: true,
    parameters: declared(spec),
    operator: ({ single }) => connectBroadcastOperator(spec, { nullKey: single }),
  });

export const plainConnectBroadcastStep = (
  name: string,
  stream: NodeId,
  other: NodeId,
  spec: PlainBroadcast<any, any, any, any, any, any, any, any>,
): StepNode =>
  stepNode({
    operation: "connectBroadcast",
    name,
    ports: [
      { stream, needs: "anything" },
      { stream: other, needs: "everywhere" },
    ],
    stateful: true,
    parameters: declared(spec as Declared),
    operator: () => plainConnectBroadcastOperator(spec),
  });
