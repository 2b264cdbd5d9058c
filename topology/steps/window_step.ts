import { windowsReader } from "../../core/operators/table_readers.ts";
import type { Aggregator } from "../../core/state/aggregator.ts";
import type { StoreReader } from "../../core/state/stores/store_descriptor.ts";
import type { Assigner } from "../../core/window/assigner.ts";
import { coGroupOperator, coGroupSpec } from "../../core/window/co_group_operator.ts";
import type { Revision } from "../../core/window/revision.ts";
import { type WindowContents, windowOperator } from "../../core/window/window_operator.ts";
import { holdsBack, planRows, type WindowSpec, windowParameters } from "../../core/window/window_spec.ts";
import type { NodeId } from "../graph/graph.ts";
import { type StepNode, stepNode } from "../graph/step_node.ts";
import type { Firing, WindowJoin } from "../windowed_stream.ts";
import type { NamedStore } from "./table_step.ts";

/** What stands between a keyed stream and its windows' contents. */
export interface Windows {
  readonly stream: NodeId;
  readonly assigner: Assigner<any, any>;
  readonly firing: Firing<any, any>;
}

/** What is made of each window, and when. Throws TopologyError WINDOW_INVALID when the parts do not go together. */
export const windowStep = (name: string, { stream, assigner, firing }: Windows, contents: WindowContents): StepNode => {
  const spec = { assigner, trigger: firing.emit, evictor: firing.evict, latenessMs: firing.lateness, contents };
  return stepNode({
    operation: "window",
    name,
    ports: [{ stream, needs: "key" }],
    stateful: true,
    parameters: windowParameters(spec),
    operator: ({ single }) => windowOperator({ ...spec, single }),
  });
};

/** Windows whose results replace each other. */
export interface RevisedWindows {
  readonly stream: NodeId;
  /** The values say which stream they are from. */
  readonly tagged: boolean;
  readonly assigner: Assigner<any, any>;
  readonly emit: Revision;
  readonly latenessMs: number | undefined;
  readonly retentionMs: number | undefined;
}

/** The windows of a stream as the rows of a table, and how others read them. */
export const windowTableStep = (
  { name, value, changelog }: NamedStore,
  { stream, tagged, assigner, emit, latenessMs, retentionMs }: RevisedWindows,
  given: Aggregator<any, any, any, any>,
): { readonly step: StepNode; readonly reader: (cached: boolean) => StoreReader } => {
  const aggregator = value === undefined ? given : { ...given, serde: value };
  const revision = { emit, retentionMs, ownTimes: tagged };
  const spec: WindowSpec = { assigner, latenessMs, revision, contents: { kind: "aggregate", aggregator } };
  const { kept } = planRows(spec, revision);
  const reader = (held: boolean): StoreReader =>
    windowsReader(assigner, { ...kept, cached: held && holdsBack(assigner, emit), serde: aggregator.serde }, aggregator.result);
  const step = stepNode({
    operation: "window",
    name,
    ports: [{ stream, needs: "key" }],
    keys: "wrapped",
    stateful: true,
    changelog,
    parameters: windowParameters(spec),
    reader,
    operator: ({ single, before, cached }) => windowOperator({ ...spec, single, revision: { ...revision, before, cached } }),
  });
  return { step, reader };
};

/** What is made of the windows of two streams. Throws TopologyError WINDOW_INVALID when the parts do not go together. */
export const coGroupStep = (
  operation: "coGroup" | "join",
  name: string,
  left: NodeId,
  right: NodeId,
  { window, emit, evict, lateness }: WindowJoin<any, any>,
  fn: (left: readonly any[], right: readonly any[], pane: any) => any,
): StepNode => {
  const coGroup = { assigner: window, trigger: emit, evictor: evict, latenessMs: lateness, fn };
  return stepNode({
    operation,
    name,
    ports: [
      { stream: left, needs: "key" },
      { stream: right, needs: "key" },
    ],
    stateful: true,
    parameters: windowParameters(coGroupSpec(coGroup)),
    operator: ({ single }) => coGroupOperator(coGroup, { single }),
  });
};
