import { TopologyError } from "../../core/errors.ts";
import type { Graph, NodeId } from "../graph/graph.ts";
import type { StepNames } from "./step_names.ts";

/** What is known of the way in which the records of one stream are spread over the tasks. */
export interface Spread {
  /** "key": each record is in the partition of its key. "single": all are in one partition, under the key null. */
  readonly by: "key" | "single" | "unknown";
  /** The exchanges (keyBy, single) on which this rests, as far as no step has relied on them before. */
  readonly exchanges: ReadonlySet<NodeId>;
}

/** A keyed step that relies on an exchange, by one of its ports. */
export interface Claim {
  readonly step: NodeId;
  readonly port: number;
}

export interface Keying {
  readonly spread: readonly Spread[];
  /** Who relies on which exchange. An exchange that nobody relies on moves no record: at most it changes the key on the spot. */
  readonly claims: ReadonlyMap<NodeId, readonly Claim[]>;
}

/**
 * Follows keys and partitions through the graph. A record is in the partition of its key when it comes from a topic or an exchange and nothing since then could have changed one of the two: `rewrite` can, and `repartition` by something else.
 * `keyBy()` asks for nothing more than that, so where it holds already it is left out.
 */
export const followKeys = (graph: Graph, names: StepNames): Keying => {
  const spread: Spread[] = [];
  const claims = new Map<NodeId, Claim[]>();
  graph.nodes.forEach((node, id) => {
    spread[id] = ((): Spread => {
      switch (node.node) {
        case "source":
          return node.source.kind !== "records" ? byKey : unknown;
        case "settings":
        case "output":
          return spread[node.stream]!;
        case "side":
          return spread[node.step]!;
        case "union":
          return together(node.streams.map((stream) => spread[stream]!));
        case "repartition":
          return node.by === "key" ? byKey : unknown;
        case "single":
          return spread[node.stream]!.by === "single" ? spread[node.stream]! : { by: "single", exchanges: new Set([id]) };
        case "key-by":
          return node.key === undefined && spread[node.stream]!.by === "key"
            ? spread[node.stream]!
            : { by: "key", exchanges: new Set([id]) };
        case "step": {
          const keyed = node.ports.flatMap(({ needs }, port) => (needs === "key" ? [port] : []));
          for (const port of keyed) {
            const before = spread[node.ports[port]!.stream]!;
            if (before.by === "unknown")
              throw new TopologyError(
                "TOPOLOGY_INVALID",
                `Step ${names.shown(id)} needs all records of a key in one task, and what stands before it may have changed the key or the partition: put keyBy() in front of it`,
                { step: names.names.get(id) },
              );
            for (const exchange of before.exchanges) claims.set(exchange, [...(claims.get(exchange) ?? []), { step: id, port }]);
          }
          const first = node.ports.length === 0 ? unknown : spread[node.ports[0]!.stream]!;
          if (node.keys === "changed") return unknown;
          return keyed.length > 0 ? { by: first.by, exchanges: none } : first;
        }
      }
    })();
  });
  return { spread, claims };
};

const none: ReadonlySet<NodeId> = new Set();
const byKey: Spread = { by: "key", exchanges: none };
const unknown: Spread = { by: "unknown", exchanges: none };

const together = (spreads: readonly Spread[]): Spread => {
  const [first] = spreads;
  if (first === undefined || spreads.some(({ by }) => by !== first.by || by === "unknown")) return unknown;
  return { by: first.by, exchanges: new Set(spreads.flatMap(({ exchanges }) => [...exchanges])) };
};
