import type { ErrorPolicy } from "../../core/error_policy.ts";
import type { NodeId } from "./graph.ts";

/** What `with` says of the step before. */
export interface SettingsNode {
  readonly node: "settings";
  readonly stream: NodeId;
  readonly name: string | undefined;
  readonly onError: ErrorPolicy | undefined;
  readonly partitions: number | undefined;
  readonly cache: boolean | undefined;
}

export const settingsNode = (stream: NodeId, settings: Omit<SettingsNode, "node" | "stream">): SettingsNode => ({
  node: "settings",
  stream,
  ...settings,
});
