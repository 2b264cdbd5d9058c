import type { NodeId } from "./graph.ts";

/** Several streams as one. */
export interface UnionNode {
  readonly node: "union";
  readonly streams: readonly NodeId[];
  /** Each value tells in its field `from` which stream it is of. */
  readonly tagged: boolean;
}

export const unionNode = (...streams: readonly NodeId[]): UnionNode => ({ node: "union", streams, tagged: false });

/** The same of streams whose values tell where they are from. */
export const taggedNode = (...streams: readonly NodeId[]): UnionNode => ({ node: "union", streams, tagged: true });
