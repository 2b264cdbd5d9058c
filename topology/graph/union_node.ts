import type { NodeId } from "./graph.ts";

/** Two streams as one. */
export interface UnionNode {
  readonly node: "union";
  readonly streams: readonly NodeId[];
}

export const unionNode = (...streams: readonly NodeId[]): UnionNode => ({ node: "union", streams });
