import type { ExchangeNode } from "./exchange_node.ts";
import type { OutputNode } from "./output_node.ts";
import type { SettingsNode } from "./settings_node.ts";
import type { SideNode } from "./side_node.ts";
import type { SourceNode } from "./source_node.ts";
import type { StepNode } from "./step_node.ts";
import type { UnionNode } from "./union_node.ts";

/** Everything that a graph is made of. */
export type GraphNode = SourceNode | StepNode | SideNode | UnionNode | ExchangeNode | OutputNode | SettingsNode;
