import { TopologyError } from "../../core/errors.ts";
import { callSite } from "./call_site.ts";
import type { GraphNode } from "./node.ts";

/** The place of a node in its graph. Nodes are only ever added behind those they refer to, so the order of ids is a topological one. */
export type NodeId = number;

/** What a program has described: plain data that nobody changes. */
export interface Graph {
  readonly topology: string;
  readonly nodes: readonly GraphNode[];
  /** Where in the program each node was made, as far as the runtime tells. */
  readonly sites: readonly string[];
}

/** A graph while it is described. Handles add to it; what stands in it stays as it is. */
export class GraphBuilder {
  readonly topology: string;
  readonly #nodes: GraphNode[] = [];
  readonly #sites: string[] = [];
  #graph: Graph | undefined;

  constructor(topology: string) {
    this.topology = topology;
  }

  add(node: GraphNode): NodeId {
    if (this.#graph !== undefined)
      throw new TopologyError(
        "TOPOLOGY_INVALID",
        `Topology '${this.topology}' is built: add steps inside the function that is given to topology(), not afterwards`,
      );
    this.#nodes.push(Object.freeze(node));
    this.#sites.push(callSite());
    return this.#nodes.length - 1;
  }

  node(id: NodeId): GraphNode {
    return this.#nodes[id]!;
  }

  /** The node that fulfils the condition, if one does. */
  find(condition: (node: GraphNode) => boolean): NodeId | undefined {
    const id = this.#nodes.findIndex(condition);
    return id < 0 ? undefined : id;
  }

  /** The finished graph; nothing can be added any more. */
  build(): Graph {
    this.#graph ??= Object.freeze({
      topology: this.topology,
      nodes: Object.freeze([...this.#nodes]),
      sites: Object.freeze([...this.#sites]),
    });
    return this.#graph;
  }
}
