import { TopologyError } from "../../core/errors.ts";
import type { InternalTopicPlan, OutputPlan } from "../../core/runtime/plan.ts";
import type { Graph, NodeId } from "../graph/graph.ts";
import type { GraphNode } from "../graph/node.ts";
import type { StepNode } from "../graph/step_node.ts";
import type { Component } from "./components.ts";
import type { Keying } from "./keying.ts";
import type { StepNames } from "./step_names.ts";

/** Records change task here: a topic between those who write it and the one sub-topology that reads it. */
export interface Exchange {
  readonly topic: string;
  readonly partitions: InternalTopicPlan["partitions"];
  readonly partition: OutputPlan["partition"];
  readonly dropNullKeys: boolean;
  /** The streams that are written to it. */
  readonly writers: readonly Writer[];
  readonly reader: Component;
  /** The stream whose keys it carries: says how they are written. */
  readonly keysOf: NodeId;
  /** Whoever reads it reads what is there at the start before anything else. */
  readonly bootstrap?: boolean;
}

export interface Writer {
  readonly stream: NodeId;
  /** The parts of that stream that are written; undefined: all. */
  readonly from?: readonly Component[];
  /** A new key is taken from the value. */
  readonly rekey?: (value: any, record: any) => unknown;
  /** The node whose error policy holds. */
  readonly node: NodeId;
}

/** What the name of a step, of one of its ports, or of a `repartition` makes of the name of a topic. */
export const repartitionTopic = (name: string): string => `${name}-repartition`;

/** A step with several keyed inputs has a topic for each of them. */
export const portName = (step: string, port: number, ports: number): string =>
  ports < 2 ? step : `${step}-${port === 0 ? "left" : "right"}`;

/** The exchanges (keyBy and single) that share one topic, and what it is called. */
export interface ClaimedExchange {
  readonly name: string;
  readonly nodes: readonly NodeId[];
  readonly partitions: number | undefined;
  /** All that rely on it take records without a key. */
  readonly keyless: boolean;
}

/**
 * Names the exchanges that steps rely on. One is called after the single step that relies on it; where there are several, none of the names would survive an edit of the others, so the program has to give it one.
 * Exchanges that meet in a union in front of their one step share its topic.
 */
export const nameExchanges = (graph: Graph, keying: Keying, names: StepNames): ReadonlyMap<NodeId, ClaimedExchange> => {
  const groups = new Map<string, { name: string; nodes: NodeId[]; shareable: boolean }>();
  for (const [exchange, claims] of [...keying.claims].sort(([a], [b]) => a - b)) {
    const own = names.settings.get(exchange)?.name;
    const steps = [...new Set(claims.map(({ step }) => step))];
    if (own === undefined && steps.length > 1)
      throw new TopologyError(
        "TOPOLOGY_INVALID",
        `The steps ${listed(steps.map((step) => names.shown(step)))} of topology '${graph.topology}' read the same ${graph.nodes[exchange]!.node === "single" ? "single()" : "keyBy()"}${at(graph, exchange)}, so its topic cannot be called after one of them: name it, with .repartition(name) behind it`,
      );
    const [claim] = claims;
    const ports = new Set(claims.map(({ port }) => port));
    const name = own ?? portName(names.names.get(claim!.step)!, claim!.port, ports.size > 1 ? 1 : keyedPorts(graph, claim!.step));
    const shareable = own === undefined && ports.size === 1 && leadsStraightTo(graph, exchange, claim!.step);
    const known = groups.get(name);
    if (known === undefined) groups.set(name, { name, nodes: [exchange], shareable });
    else if (known.shareable && shareable) known.nodes.push(exchange);
    else
      throw new TopologyError(
        "TOPOLOGY_INVALID",
        `Step ${names.shown(claim!.step)} of topology '${graph.topology}' reads more than one keyBy(), with steps in between, so their topics cannot both be called after it: name them, with .repartition(name) behind each`,
      );
  }
  const claimed = new Map<NodeId, ClaimedExchange>();
  for (const { name, nodes } of groups.values()) {
    const asked = nodes.flatMap((node) => names.settings.get(node)?.partitions ?? []);
    const exchange: ClaimedExchange = {
      name,
      nodes,
      partitions: graph.nodes[nodes[0]!]!.node === "single" ? 1 : asked.length === 0 ? undefined : Math.max(...asked),
      keyless: nodes.every((node) => keying.claims.get(node)!.every(({ step, port }) => takesKeyless(graph, step, port))),
    };
    for (const node of nodes) claimed.set(node, exchange);
  }
  return claimed;
};

const takesKeyless = (graph: Graph, step: NodeId, port: number): boolean => {
  const node = graph.nodes[step]!;
  return node.node === "step" && node.ports[port]!.keyless === true;
};

/** How many ports records may come to by way of a topic that is called after the step. */
export const movablePorts = ({ ports }: StepNode): number => ports.filter(({ needs, table }) => needs === "key" && table !== true).length;

const keyedPorts = (graph: Graph, step: NodeId): number => {
  const node = graph.nodes[step]!;
  return node.node === "step" ? movablePorts(node) : 0;
};

/** Whether an exchange is read once, with nothing but unions between it and the step. */
const leadsStraightTo = (graph: Graph, exchange: NodeId, step: NodeId): boolean => {
  const readers = graph.nodes.flatMap((node, id) => streamsOf(node).flatMap((stream) => (stream === exchange ? [id] : [])));
  const [reader] = readers;
  if (reader === undefined || readers.length > 1) return false;
  const { node } = graph.nodes[reader]!;
  return reader === step || ((node === "union" || node === "settings") && leadsStraightTo(graph, reader, step));
};

const streamsOf = (node: GraphNode): readonly NodeId[] => {
  if (node.node === "union") return node.streams;
  if (node.node === "step") return node.ports.map(({ stream }) => stream);
  return "stream" in node ? [node.stream] : [];
};

const listed = (items: readonly string[]): string =>
  items.length < 2 ? items.join() : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;

const at = (graph: Graph, id: NodeId): string => (graph.sites[id] === "" ? "" : ` (at ${graph.sites[id]})`);
