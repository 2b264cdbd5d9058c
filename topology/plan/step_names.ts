import type { ErrorPolicy } from "../../core/error_policy.ts";
import { TopologyError } from "../../core/errors.ts";
import type { Graph, NodeId } from "../graph/graph.ts";
import type { GraphNode } from "../graph/node.ts";
import type { SettingsNode } from "../graph/settings_node.ts";
import { checkStepName } from "./names.ts";

/** What each node is called, and what `with` says of it. */
export interface StepNames {
  /** Of every node that has a name: as the user gave it, or made of its kind and place. */
  readonly names: ReadonlyMap<NodeId, string>;
  readonly settings: ReadonlyMap<NodeId, Settings>;
  /** For messages: name, kind and place in the program. */
  shown(id: NodeId): string;
}

export type Settings = Partial<{ -readonly [P in "name" | "onError" | "partitions" | "cache"]: NonNullable<SettingsNode[P]> | undefined }>;

/** Names every step, once. Two steps of one name would share a store, so that is refused, and both are named. */
export const nameSteps = (graph: Graph): StepNames => {
  const settings = settingsOf(graph);
  const names = new Map<NodeId, string>();
  const taken = new Map<string, NodeId>();
  const shown = (id: NodeId): string => {
    const name = names.get(id);
    return `${name === undefined ? "" : `'${name}' `}(${operationOf(graph.nodes[id]!)}${graph.sites[id] === "" ? "" : ` at ${graph.sites[id]}`})`;
  };
  graph.nodes.forEach((node, id) => {
    const name = givenName(node) ?? settings.get(id)?.name;
    if (name === undefined) return;
    checkStepName(graph.topology, name, operationOf(node));
    names.set(id, name);
    const other = taken.get(name);
    if (other !== undefined)
      throw new TopologyError(
        "NAME_DUPLICATE",
        `Topology '${graph.topology}' has two steps with one name, ${shown(other)} and ${shown(id)}: give one of them another name, since stores and topics are called after it`,
        { step: name },
      );
    taken.set(name, id);
  });
  graph.nodes.forEach((node, id) => {
    if (names.has(id)) return;
    const name = madeName(node, (candidate) => taken.has(candidate));
    if (name === undefined) return;
    names.set(id, name);
    taken.set(name, id);
  });
  return { names, settings, shown };
};

/** The step that settings speak of: the one before them, also by one of its side outputs. */
export const stepBehind = (graph: Graph, id: NodeId): NodeId => {
  const node = graph.nodes[id]!;
  if (node.node === "settings") return stepBehind(graph, node.stream);
  return node.node === "side" ? node.step : id;
};

/** The nearest policy: the step's own, else the topology's. */
export const policyOf = (id: NodeId, own: ErrorPolicy | undefined, names: StepNames, topologys: ErrorPolicy): ErrorPolicy =>
  names.settings.get(id)?.onError ?? own ?? topologys;

export const operationOf = (node: GraphNode): string => {
  switch (node.node) {
    case "source":
      return node.table === undefined ? "from" : "table";
    case "step":
      return node.operation;
    case "key-by":
      return "keyBy";
    case "output":
      return "to";
    case "settings":
      return "with";
    default:
      return node.node;
  }
};

const settingsOf = (graph: Graph): ReadonlyMap<NodeId, Settings> => {
  const settings = new Map<NodeId, Settings>();
  graph.nodes.forEach((node, id) => {
    if (node.node !== "settings") return;
    const target = stepBehind(graph, node.stream);
    refuseSettings(graph, graph.nodes[target]!, node, graph.sites[id]!);
    const known = settings.get(target) ?? {};
    if (node.name !== undefined) known.name = node.name;
    if (node.onError !== undefined) known.onError = node.onError;
    if (node.partitions !== undefined) known.partitions = node.partitions;
    if (node.cache !== undefined) known.cache = node.cache;
    settings.set(target, known);
  });
  return settings;
};

const refuseSettings = (graph: Graph, target: GraphNode, settings: SettingsNode, site: string): void => {
  const refuse = (why: string): never => {
    throw new TopologyError(
      "OPTION_INVALID",
      `Cannot apply with() to ${operationOf(target)} in topology '${graph.topology}'${site === "" ? "" : ` (at ${site})`}: ${why}`,
    );
  };
  if (target.node === "union") refuse("a union is no step of its own, put with() on the streams before it or on the step behind it");
  const given = givenName(target);
  if (settings.name !== undefined && given !== undefined) refuse(`it is called '${given}' already, which also names its store or topic`);
  if (settings.partitions !== undefined) {
    if (target.node !== "key-by") refuse("partitions can be given to keyBy() only, and to repartition(name, { partitions }) itself");
    if (!(Number.isInteger(settings.partitions) && settings.partitions > 0))
      refuse(`${settings.partitions} is no number of partitions, give a whole number above zero`);
  }
};

const givenName = (node: GraphNode): string | undefined => (node.node === "step" || node.node === "repartition" ? node.name : undefined);

const sourceName = (node: Extract<GraphNode, { readonly node: "source" }>): string => {
  const { kind, name } = node.source;
  if (kind === "records") return "records";
  // Topics may be called after the step, so what is left of a pattern has to be a name.
  return `${operationOf(node)}-${
    kind === "topics"
      ? name
          .replace(/[^a-zA-Z0-9._-]+/g, "_")
          .replace(/^_+|_+$/g, "")
          .slice(0, 100)
      : name
  }`;
};

const madeName = (node: GraphNode, isTaken: (name: string) => boolean): string | undefined => {
  const numbered = (base: string, first: number): string => {
    for (let n = first; ; n++) if (!isTaken(`${base}-${n}`)) return `${base}-${n}`;
  };
  const plain = (name: string): string => (isTaken(name) ? numbered(name, 2) : name);
  switch (node.node) {
    case "step":
      return numbered(node.operation, 1);
    case "source":
      return plain(sourceName(node));
    case "output":
      return plain(`to-${node.sink.name}`);
    case "key-by":
      return numbered("keyBy", 1);
    default:
      return undefined;
  }
};
