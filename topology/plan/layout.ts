import { TopologyError } from "../../core/errors.ts";
import type { Graph, NodeId } from "../graph/graph.ts";
import type { GraphNode } from "../graph/node.ts";
import type { Port, StepNode } from "../graph/step_node.ts";
import { type Component, Components } from "./components.ts";
import { type ClaimedExchange, type Exchange, movablePorts, nameExchanges, portName, repartitionTopic, type Writer } from "./exchanges.ts";
import type { Keying } from "./keying.ts";
import type { StepNames } from "./step_names.ts";

/** Where every node of the graph runs, and the topics in between. */
export interface Layout {
  readonly components: Components;
  /** In which parts a node runs. A step with state or several inputs runs in one; a step without, behind a union of several parts, runs in each of them. */
  readonly placed: readonly (readonly Component[])[];
  /** Exchanges that are made by nodes of the graph; nodes may share one. */
  readonly exchanges: ReadonlyMap<NodeId, Exchange>;
  /** Exchanges that the planner puts in front of a step. */
  readonly inserted: ReadonlyMap<NodeId, readonly InsertedExchange[]>;
  /** Sub-topologies that hand records to a system outside, by its name. */
  readonly sinks: ReadonlyMap<string, Component>;
}

export interface InsertedExchange {
  /** Of the step. */
  readonly port: number;
  readonly exchange: Exchange;
  /** One task that all records pass on their way to the exchange, so that every reader has them in the same order. */
  readonly funnel: Exchange | undefined;
}

/**
 * Cuts the graph at its exchanges into parts. A union does not connect parts: what comes behind it without state runs in each of them, up to the next topic. Only steps that bring records of several parts together in one task
 * connect them. Where that would make a part read, directly or by others, what it writes, its own records take the way through a topic as well.
 */
export const layOut = (graph: Graph, keying: Keying, names: StepNames): Layout => {
  const claimed = nameExchanges(graph, keying, names);
  const useful = usefulNodes(graph);
  const components = new Components();
  const placed: (readonly Component[])[] = [];
  const exchanges = new Map<NodeId, Exchange>();
  const groups = new Map<ClaimedExchange, Exchange & { readonly writers: Writer[] }>();
  const inserted = new Map<NodeId, InsertedExchange[]>();
  const sinks = new Map<string, Component>();

  const write = (stream: NodeId, to: Component): void => {
    for (const component of placed[stream]!) components.connect(component, to);
  };

  const placeExchange = (
    id: NodeId,
    node: Extract<GraphNode, { readonly node: "key-by" | "single" }>,
    group: ClaimedExchange,
  ): readonly Component[] => {
    const single = node.node === "single";
    let exchange = groups.get(group);
    if (exchange === undefined) {
      exchange = {
        topic: repartitionTopic(group.name),
        partitions: group.partitions,
        partition: single ? "single" : "key",
        dropNullKeys: !single && !group.keyless,
        writers: [],
        reader: components.fresh(single),
        keysOf: id,
      };
      groups.set(group, exchange);
    }
    const rekey = single ? () => null : node.key;
    exchange.writers.push({ stream: node.stream, node: id, ...(rekey === undefined ? {} : { rekey }) });
    exchanges.set(id, exchange);
    write(node.stream, exchange.reader);
    return [exchange.reader];
  };

  const insert = (id: NodeId, port: number, exchange: Exchange, funnel?: Exchange): Component => {
    inserted.set(id, [...(inserted.get(id) ?? []), { port, exchange, funnel }]);
    const { stream, from } = exchange.writers[0]!;
    for (const component of from ?? placed[stream]!) components.connect(component, (funnel ?? exchange).reader);
    if (funnel !== undefined) components.connect(funnel.reader, exchange.reader);
    return exchange.reader;
  };

  /** Every record to every task, in one order: by way of one task when there are several. */
  const broadcast = (id: NodeId, port: number, { stream, bootstrap = false }: Port): Component => {
    const step = names.names.get(id)!;
    const sources = components.roots(placed[stream]!);
    const shared = { dropNullKeys: false, writers: [{ stream, node: id }], keysOf: stream };
    const funnel: Exchange | undefined =
      sources.length === 1 && components.hasOneTask(sources[0]!)
        ? undefined
        : { ...shared, topic: repartitionTopic(`${step}-funnel`), partitions: 1, partition: "single", reader: components.fresh(true) };
    return insert(
      id,
      port,
      {
        ...shared,
        topic: repartitionTopic(`${step}-broadcast`),
        partitions: "tasks",
        partition: "broadcast",
        reader: components.fresh(),
        bootstrap,
      },
      funnel,
    );
  };

  const placeTogether = (id: NodeId, node: StepNode): readonly Component[] => {
    const parts = node.ports.map((way, port) => (way.needs === "everywhere" ? [broadcast(id, port, way)] : placed[way.stream]!));
    const tables = [...node.lookups, ...node.stores].flatMap((table) => placed[table]!);
    if (parts.length === 0 && tables.length === 0) return [components.fresh()];
    const all = components.roots([...parts.flat(), ...tables]);
    const ahead = all.filter((one) => all.some((other) => other !== one && components.reaches(one, other)));
    const cut: Component[] = [];
    if (ahead.length > 0) {
      const tableAhead = (parts: readonly Component[]): boolean => components.roots(parts).some((part) => ahead.includes(part));
      if (tableAhead(tables) || node.ports.some(({ table }, port) => table === true && tableAhead(parts[port]!)))
        throw circular(
          graph,
          names,
          id,
          "a table stays where it is, so write its changes to a topic of your own, and read that as the table",
        );
      node.ports.forEach(({ stream, needs, keyless }, port) => {
        const from = components.roots(parts[port]!).filter((component) => ahead.includes(component));
        if (from.length === 0) return;
        if (needs !== "key") throw circular(graph, names, id, "put .repartition(name) behind the stream that comes there directly");
        const name = freeName(portName(names.names.get(id)!, port, movablePorts(node)), [...exchanges.values()]);
        cut.push(
          insert(id, port, {
            topic: repartitionTopic(name),
            partitions: undefined,
            partition: "key",
            dropNullKeys: keyless !== true,
            writers: [{ stream, node: id, from }],
            reader: components.fresh(),
            keysOf: id,
          }),
        );
      });
    }
    return [components.merge([...all.filter((component) => !ahead.includes(component)), ...cut])];
  };

  graph.nodes.forEach((node, id) => {
    placed[id] = ((): readonly Component[] => {
      if (!useful.has(id)) return [];
      switch (node.node) {
        case "source":
          return [
            components.fresh(node.source.kind === "records" || (node.source.kind === "topic" && node.source.declared.partitions === 1)),
          ];
        case "settings":
          return placed[node.stream]!;
        case "side":
          return placed[node.step]!;
        case "union":
          return components.roots(node.streams.flatMap((stream) => placed[stream]!));
        case "key-by":
        case "single": {
          const group = claimed.get(id);
          return group === undefined ? placed[node.stream]! : placeExchange(id, node, group);
        }
        case "repartition": {
          const taken = typeof node.by === "function" ? undefined : keyTakenBefore(graph, node.stream, claimed, keying);
          const exchange: Exchange = {
            topic: repartitionTopic(node.name),
            partitions: node.partitions,
            partition: node.by === "all" ? "broadcast" : node.by,
            dropNullKeys: false,
            writers: [taken === undefined ? { stream: node.stream, node: id } : { stream: taken.stream, node: id, rekey: taken.key! }],
            reader: components.fresh(node.partitions === 1),
            keysOf: id,
          };
          exchanges.set(id, exchange);
          write(node.stream, exchange.reader);
          return [exchange.reader];
        }
        case "output": {
          if (node.sink.kind === "external") {
            const reader = sinks.get(node.sink.name) ?? components.fresh();
            sinks.set(node.sink.name, reader);
            write(node.stream, reader);
          }
          return placed[node.stream]!;
        }
        case "step":
          return runsInOnePart(node) ? placeTogether(id, node) : placed[node.ports[0]!.stream]!;
      }
    })();
  });
  return { components, placed, exchanges, inserted, sinks };
};

/** What is known of one key, or of one task, is in one place. */
const runsInOnePart = ({ stateful, ports, lookups, stores }: StepNode): boolean =>
  stateful || ports.length > 1 || lookups.length > 0 || stores.length > 0 || ports.some(({ needs }) => needs === "key");

/** What leads to a step or an output. The rest does nothing: a source that nobody reads, a repartition without a reader. */
const usefulNodes = (graph: Graph): ReadonlySet<NodeId> => {
  const useful = new Set<NodeId>();
  const reach = (id: NodeId): void => {
    if (useful.has(id)) return;
    useful.add(id);
    const node = graph.nodes[id]!;
    if ("stream" in node) reach(node.stream);
    if (node.node === "side") reach(node.step);
    if (node.node === "union") node.streams.forEach(reach);
    if (node.node === "step") {
      for (const { stream } of node.ports) reach(stream);
      node.lookups.forEach(reach);
      node.stores.forEach(reach);
    }
  };
  graph.nodes.forEach((node, id) => {
    if (node.node === "step" || node.node === "output") reach(id);
  });
  return useful;
};

/** A `keyBy(fn)` that moves no record, right before: whoever writes the topic can take the key himself. */
const keyTakenBefore = (graph: Graph, stream: NodeId, claimed: ReadonlyMap<NodeId, ClaimedExchange>, keying: Keying) => {
  const node = graph.nodes[stream]!;
  return node.node === "key-by" && node.key !== undefined && !claimed.has(stream) && keying.spread[stream]!.exchanges.has(stream)
    ? node
    : undefined;
};

const freeName = (name: string, exchanges: readonly Exchange[]): string => {
  const taken = (candidate: string): boolean => exchanges.some(({ topic }) => topic === repartitionTopic(candidate));
  if (!taken(name)) return name;
  for (let n = 2; ; n++) if (!taken(`${name}-${n}`)) return `${name}-${n}`;
};

const circular = (graph: Graph, names: StepNames, id: NodeId, advice: string): TopologyError =>
  new TopologyError(
    "TOPOLOGY_INVALID",
    `Step ${names.shown(id)} of topology '${graph.topology}' brings together records and what was made of them behind a topic, so the same tasks would write and read that topic: ${advice}`,
    { step: names.names.get(id) },
  );
