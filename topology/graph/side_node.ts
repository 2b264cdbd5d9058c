import type { NodeId } from "./graph.ts";

/** A second way out of a step. */
export interface SideNode {
  readonly node: "side";
  readonly step: NodeId;
  readonly output: string;
}

export const sideNode = (step: NodeId, output: string): SideNode => ({ node: "side", step, output });
