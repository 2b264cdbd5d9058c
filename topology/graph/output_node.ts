import type { ErrorPolicy } from "../../core/error_policy.ts";
import type { OutputPlan } from "../../core/runtime/plan.ts";
import type { ExternalSink } from "../sink.ts";
import type { Topic } from "../topic.ts";
import type { NodeId } from "./graph.ts";

/** The end of a stream: a topic, or a system outside. */
export interface OutputNode {
  readonly node: "output";
  readonly stream: NodeId;
  readonly sink: Topic<any, any> | ExternalSink<any, any>;
  readonly partition: OutputPlan["partition"];
  /** Null values are deletions. */
  readonly deletions: boolean;
  readonly onError: ErrorPolicy | undefined;
}

export const outputNode = (output: Omit<OutputNode, "node">): OutputNode => ({ node: "output", ...output });
