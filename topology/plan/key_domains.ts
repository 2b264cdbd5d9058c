import { TopologyError } from "../../core/errors.ts";
import type { Serde } from "../../core/serde/serde.ts";
import type { Graph, NodeId } from "../graph/graph.ts";
import type { Keying } from "./keying.ts";
import type { StepNames } from "./step_names.ts";

interface Owner {
  readonly serde: Serde<any>;
  /** For messages: whose serde it is. */
  readonly of: string;
}

/** Keys that have to have equal bytes when they are equal, since steps bring them together: bytes decide the partition, and what a store finds. */
class Domain {
  merged: Domain | undefined;
  owner: Owner | undefined;
  readonly hints: Domain[];

  constructor(owner: Owner | undefined, hints: readonly Domain[] = []) {
    this.owner = owner;
    this.hints = [...hints];
  }

  get root(): Domain {
    return this.merged?.root ?? this;
  }
}

/** Which serde writes the keys of which stream. */
export interface KeyDomains {
  /** Of the stream behind a node; undefined stands for the default. */
  serdeOf(id: NodeId): Serde<any> | undefined;
  /** What streams that end up in one place agree on; undefined when they do not. */
  common(ids: readonly NodeId[]): Serde<any> | undefined;
}

/**
 * Gives every keyed step one serde for the keys of all its inputs: that of a user's topic, or of `keyBy(fn, serde)`, before the default. Two different ones cannot be brought together, so that is refused.
 */
export const keyDomains = (graph: Graph, keying: Keying, names: StepNames): KeyDomains => {
  const domains: (readonly Domain[])[] = [];
  graph.nodes.forEach((node, id) => {
    domains[id] = ((): readonly Domain[] => {
      switch (node.node) {
        case "source":
          return [new Domain(node.source.kind !== "records" ? { serde: node.source.key, of: `topic '${node.source.name}'` } : undefined)];
        case "settings":
        case "output":
          return domains[node.stream]!;
        case "side":
          return domains[node.step]!;
        case "union":
          return [...new Set(node.streams.flatMap((stream) => domains[stream]!))];
        case "repartition":
          return [new Domain(undefined, domains[node.stream])];
        case "single":
          return [new Domain(undefined)];
        case "key-by":
          if (node.key !== undefined)
            return [new Domain(node.serde === undefined ? undefined : { serde: node.serde, of: `keyBy at ${graph.sites[id]}` })];
          return keying.spread[id]!.exchanges.has(id) ? [new Domain(undefined, domains[node.stream])] : domains[node.stream]!;
        case "step": {
          const keyed = [
            ...node.ports.flatMap(({ needs, stream }) => (needs === "key" ? domains[stream]! : [])),
            ...node.lookups.flatMap((table) => domains[table]!),
          ];
          const [first, ...others] = keyed;
          for (const other of others) merge(first!.root, other.root, names.shown(id));
          if (node.keys !== "kept") return [new Domain(undefined)];
          if (first !== undefined) return [first];
          return node.ports.length === 0 ? [new Domain(undefined)] : domains[node.ports[0]!.stream]!;
        }
      }
    })();
  });
  const common = (all: readonly Domain[]): Serde<any> | undefined => {
    const [first, ...others] = all.flatMap((domain) => serdesBehind(domain, []));
    return first !== undefined && others.every((other) => other !== undefined && sameSerde(first, other)) ? first : undefined;
  };
  return { serdeOf: (id) => common(domains[id]!), common: (ids) => common(ids.flatMap((id) => domains[id]!)) };
};

/** Whose keys these are: of the domain's own topics, or of those that its keys came from unchanged. Domains that came together may refer to each other. */
const serdesBehind = ({ root }: Domain, way: readonly Domain[]): readonly (Serde<any> | undefined)[] => {
  if (way.includes(root)) return [];
  if (root.owner !== undefined) return [root.owner.serde];
  return root.hints.length === 0 ? [undefined] : root.hints.flatMap((hint) => serdesBehind(hint, [...way, root]));
};

const merge = (a: Domain, b: Domain, step: string): void => {
  if (a === b) return;
  if (a.owner !== undefined && b.owner !== undefined && !sameSerde(a.owner.serde, b.owner.serde))
    throw new TopologyError(
      "TOPOLOGY_INVALID",
      `Step ${step} brings together keys that are written in different ways, by the serde of ${a.owner.of} (${shown(a.owner.serde)}) and by that of ${b.owner.of} (${shown(b.owner.serde)}): equal keys would not meet. Use one key serde for both, or keyBy(key, serde) on one side`,
    );
  b.merged = a;
  a.owner ??= b.owner;
  a.hints.push(...b.hints);
};

/** Two serdes that write equal keys alike, as far as their names tell. */
const sameSerde = (a: Serde<any>, b: Serde<any>): boolean => a === b || (a.name !== undefined && a.name === b.name);

const shown = (serde: Serde<any>): string => serde.name ?? "without a name";
