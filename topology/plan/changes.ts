import type { Graph, NodeId } from "../graph/graph.ts";

/** The steps whose changes come to somebody who asks what was there before: what is not asked need not be found out. */
export const askedForChanges = (graph: Graph): ReadonlySet<NodeId> => {
  const asked = new Set<NodeId>();
  const ask = (id: NodeId): void => {
    const node = graph.nodes[id]!;
    if (node.node === "settings") ask(node.stream);
    else if (node.node === "side") ask(node.step);
    else if (node.node === "union") node.streams.forEach(ask);
    else if (node.node === "step") asked.add(id);
  };
  // Backwards, so that of each step it is known whether somebody asks before it asks others.
  for (let id = graph.nodes.length - 1; id >= 0; id--) {
    const node = graph.nodes[id]!;
    if (node.node !== "step") continue;
    for (const { stream, changes } of node.ports) if (changes === "asked" || (changes === "passed on" && asked.has(id))) ask(stream);
  }
  return asked;
};
