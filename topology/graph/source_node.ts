import type { ErrorPolicy } from "../../core/error_policy.ts";
import type { InputPlan, TimePlan } from "../../core/runtime/plan.ts";
import type { Serde } from "../../core/serde/serde.ts";
import type { RecordsSource } from "../source.ts";
import type { Topic } from "../topic.ts";
import type { TopicsSource } from "../topics.ts";

/** A topic, all topics of a pattern, or records that stand in the program, as they come in. */
export interface SourceNode {
  readonly node: "source";
  readonly source: Topic<any, any> | TopicsSource<any, any> | RecordsSource<any>;
  /** Present: the records are the changes of a table. */
  readonly table: TableSettings | undefined;
  readonly time: TimePlan;
  readonly startAt: InputPlan["startAt"];
  readonly endAt: InputPlan["endAt"];
  readonly onError: ErrorPolicy | undefined;
}

export interface TableSettings {
  /** Names the step and the store which keep the rows, where a step looks into them. */
  readonly store: string;
  /** How its rows are written; undefined stands for self-describing. */
  readonly value: Serde<any> | undefined;
  /** How far back versions are kept; undefined: only the present one counts. */
  readonly historyMs: number | undefined;
  /** It has no changelog: its rows come back from the topic. */
  readonly fromSource: boolean;
}

export const sourceNode = (source: Omit<SourceNode, "node">): SourceNode => ({ node: "source", ...source });

/** Whether two readings of one topic ask for the same. */
export const sameReading = (a: SourceNode, b: SourceNode): boolean =>
  a.source === b.source &&
  a.startAt === b.startAt &&
  a.endAt === b.endAt &&
  a.onError === b.onError &&
  a.table?.store === b.table?.store &&
  a.table?.fromSource === b.table?.fromSource &&
  a.table?.historyMs === b.table?.historyMs &&
  a.time.timestamp === b.time.timestamp &&
  a.time.idlenessMs === b.time.idlenessMs &&
  a.time.advanceWhenIdle === b.time.advanceWhenIdle &&
  a.time.maxFutureMs === b.time.maxFutureMs &&
  a.time.alignment?.group === b.time.alignment?.group &&
  a.time.alignment?.maxDriftMs === b.time.alignment?.maxDriftMs &&
  (a.time.watermarks === b.time.watermarks || (a.time.watermarks.name === b.time.watermarks.name && a.time.watermarks.name !== "custom"));
