import type { OperatorContext } from "../operators/operator.ts";
import type { Out } from "../operators/process_function.ts";
import type { Serde } from "../serde/serde.ts";
import { type Aggregator, resultOf } from "../state/aggregator.ts";
import { Accumulated } from "./accumulated.ts";
import type { Assigner } from "./assigner.ts";
import { Buffered } from "./buffered.ts";
import type { PaneContents } from "./contents.ts";
import { Evicted } from "./evicted.ts";
import type { Evictor } from "./evictor.ts";
import type { Pane, PaneProcess } from "./pane.ts";
import type { PaneCall } from "./pane_function.ts";
import type { Kept } from "./revised_panes.ts";
import type { Revision } from "./revision.ts";
import { Shared } from "./shared.ts";
import { Sliced } from "./sliced.ts";
import type { Trigger } from "./trigger.ts";
import { windowError } from "./window_error.ts";

/** What a windowed step is told. */
export interface WindowSpec {
  readonly assigner: Assigner<any, any>;
  /** When its panes speak. @default as the assigner says: at the end of the window */
  readonly trigger?: Trigger<any, any> | undefined;
  readonly evictor?: Evictor<any, any> | undefined;
  /** How long after its end a window of event time still takes records; each makes it speak again at once. +Infinity is for ever. @default 0 */
  readonly latenessMs?: number | undefined;
  readonly contents: WindowContents;
  /** Present: results replace each other, and the windows are the rows of a table. There is no trigger then. */
  readonly revision?: RevisionSpec | undefined;
  /**
   * All records are of one key, null, whatever key they have: what `single()` asks for. Otherwise a record with a null key is dropped and counted.
   * @default false
   */
  readonly single?: boolean | undefined;
}

/** How windows are revised that are the rows of a table. */
export interface RevisionSpec {
  readonly emit: Revision;
  /** For how long windows are kept behind the newest one, counted from their beginnings. @default as long as they take records */
  readonly retentionMs?: number | undefined;
  /** Values tell in their field `from` which stream they are of, and lateness is judged by that stream alone. Has no say for windows that speak at their end, or that follow the watermark. */
  readonly ownTimes?: boolean | undefined;
  /** Steps behind ask what was there before. */
  readonly before?: boolean | undefined;
  /** Of several changes of a row between two commits only the last is told. */
  readonly cached?: boolean | undefined;
}

/** What is kept of the records of a pane, and what is made of it. */
export type WindowContents =
  /** One accumulator per pane. */
  | {
      readonly kind: "aggregate";
      readonly aggregator: Aggregator<any, any, any, any>;
      readonly result?: ((result: any, pane: Pane<any, any>) => unknown) | AnyPaneProcess | undefined;
      /** Of the records: used only where an evictor makes the window keep them. @default self-describing */
      readonly serde?: Serde<any> | undefined;
    }
  /** The records themselves. */
  | {
      readonly kind: "process";
      readonly process: ((values: readonly any[], pane: Pane<any, any>) => Out<unknown>) | AnyPaneProcess;
      /** @default self-describing */
      readonly serde?: Serde<any> | undefined;
    };

type AnyPaneProcess = PaneProcess<any, any, any, any, any, any, any>;

/** The same, complete and checked. */
export type WindowPlan = FiringPlan | RowsPlan;

interface AnyPlan {
  readonly assigner: Assigner<any, any>;
  readonly latenessMs: number;
  readonly single: boolean;
}

/** Triggers say when windows speak. */
export interface FiringPlan extends AnyPlan {
  readonly kind: "fires";
  readonly trigger: Trigger<any, any>;
  readonly evictor: Evictor<any, any> | undefined;
  readonly contents: WindowContents;
}

/** Windows are the rows of a table. */
export interface RowsPlan extends AnyPlan {
  readonly kind: "rows";
  readonly revision: Revision;
  readonly aggregator: Aggregator<any, any, any, any>;
  /** For how long windows are kept, counted from their beginning. */
  readonly retentionMs: number;
  readonly kept: Pick<Kept<unknown>, "sessions" | "keptMs">;
  /** Each of the streams that the values are from has a time of its own. */
  readonly ownTimes: boolean;
  readonly before: boolean;
  readonly cached: boolean;
}

export const planWindow = (spec: WindowSpec): WindowPlan =>
  spec.revision === undefined ? planFiring(spec) : planRows(spec, spec.revision);

/** The plan of windows that are the rows of a table. */
export const planRows = (spec: WindowSpec, revision: RevisionSpec): RowsPlan => {
  const { assigner, contents, latenessMs = 0, single = false } = spec;
  checkLateness(latenessMs);
  if (contents.kind !== "aggregate" || contents.result !== undefined)
    throw windowError("Windows that are the rows of a table hold aggregates: use count, reduce or aggregate");
  if (assigner.time === "processing" || spec.evictor !== undefined || assigner.evictor !== undefined)
    throw windowError(
      `Windows of kind ${assigner.name} cannot be the rows of a table as they are: leave out the evictor, and let them follow event time`,
    );
  const { start, end } = assigner.space.window(0);
  if (!assigner.merging && typeof end !== "number")
    throw windowError(
      `Windows of kind ${assigner.name} cannot be the rows of a table, whose windows are found by their starts: use tumbling, sliding, around, session or globalWindow, or let a trigger say when they speak`,
    );
  const { aggregator } = contents;
  const gap = assigner.parameters["gap"];
  if (assigner.merging && (typeof gap !== "number" || aggregator.merge === undefined))
    throw windowError(
      typeof gap === "number"
        ? `An aggregator without \`merge\` cannot be used with ${assigner.name} windows: say what two accumulators make together`
        : "Sessions that are the rows of a table have one gap: give it as a duration, not as a function",
    );
  const spans = assigner.merging
    ? (gap as number)
    : assigner.name === "around"
      ? 2 * (assigner.parameters["difference"] as number)
      : end - start;
  const least = (spans as number) + latenessMs;
  const { retentionMs = least } = revision;
  if (retentionMs < least)
    throw windowError(
      `The retention of ${assigner.name} windows is ${retentionMs} ms, and they take records for ${least} ms: keep them at least as long`,
    );
  return {
    kind: "rows",
    assigner,
    revision: revision.emit,
    aggregator,
    latenessMs,
    retentionMs,
    // Windows that speak at their end are seen a millisecond longer, as in Kafka Streams.
    kept: { sessions: assigner.merging, keptMs: revision.emit.name === "close" && !assigner.merging ? retentionMs : retentionMs - 1 },
    single,
    ownTimes: revision.ownTimes === true && revision.emit.name === "update",
    before: revision.before === true,
    cached: revision.cached === true && holdsBack(assigner, revision.emit),
  };
};

/** Sessions and windows around records that speak at their end are not held back any longer, and so hide what has left the retention (Kafka Streams: they have no cache then). */
export const holdsBack = (assigner: Assigner<any, any>, emit: Revision): boolean =>
  emit.name === "update" || !(assigner.merging || assigner.name === "around");

const checkLateness = (latenessMs: number): void => {
  if (!(latenessMs >= 0) || (!Number.isSafeInteger(latenessMs) && latenessMs !== Number.POSITIVE_INFINITY))
    throw windowError(
      `The allowed lateness of a window is ${latenessMs} ms: give a whole number of milliseconds that is not negative, such as minutes(1)`,
    );
};

const planFiring = (spec: WindowSpec): FiringPlan => {
  const { assigner, contents, latenessMs = 0, single = false } = spec;
  const trigger = spec.trigger ?? assigner.trigger;
  const evictor = spec.evictor ?? assigner.evictor;
  checkLateness(latenessMs);
  if (assigner.name === "around")
    throw windowError("Windows around records revise their results: use them with emit: onUpdate() or onClose()");
  if (assigner.merging) {
    if (!trigger.merges)
      throw windowError(
        `The trigger ${trigger.name} cannot be used with ${assigner.name} windows, as it cannot say what becomes of it when windows merge: choose another, or give it an onMerge`,
      );
    if (contents.kind === "aggregate" && contents.aggregator.merge === undefined && evictor === undefined) {
      throw windowError(
        `An aggregator without \`merge\` cannot be used with ${assigner.name} windows: say what two accumulators make together`,
      );
    }
    const process = processOf(contents);
    if (process?.windowState !== undefined && Object.keys(process.windowState).length > 0) {
      throw windowError(
        `State per window cannot be used with ${assigner.name} windows, as their bounds change: keep it per key, in \`state\``,
      );
    }
  }
  return { kind: "fires", assigner, trigger, evictor, latenessMs, contents, single };
};

/** What tells two windowed steps apart: for descriptions and for the check of a changed topology. */
export const windowParameters = (spec: WindowSpec): Readonly<Record<string, string | number | boolean>> => {
  const plan = planWindow(spec);
  const { assigner, latenessMs } = plan;
  return {
    windows: assigner.name,
    ...assigner.parameters,
    ...(plan.kind === "rows"
      ? {
          emit: plan.revision.name,
          ...(plan.revision.clock === "watermark" ? { clock: plan.revision.clock } : {}),
          ...(plan.revision.atLatestMs === undefined ? {} : { atLatest: plan.revision.atLatestMs }),
          lateness: latenessMs,
          retention: plan.retentionMs,
          keeps: "rows",
        }
      : {
          emit: plan.trigger.name,
          ...(plan.evictor === undefined ? {} : { evict: plan.evictor.name }),
          lateness: latenessMs,
          keeps: layoutOf(plan),
        }),
  };
};

/** How the contents of panes are laid out in state. Another layout does not find what this one has written. */
const layoutOf = ({
  assigner,
  trigger,
  evictor,
  contents,
}: FiringPlan): "records with timestamps" | "accumulators" | "shared accumulators" | "slices" | "records" => {
  if (evictor !== undefined) return "records with timestamps";
  if (contents.kind === "aggregate") {
    const { anyOrder, merge } = contents.aggregator;
    const atEnd = trigger.onlyAtEnd === assigner.time && !trigger.purges;
    const shares = assigner.slices !== undefined && atEnd && anyOrder === true && merge !== undefined;
    return shares ? "shared accumulators" : "accumulators";
  }
  return assigner.slices !== undefined && !trigger.purges ? "slices" : "records";
};

export const openContents = (context: OperatorContext, plan: FiringPlan): PaneContents => {
  const { assigner, contents } = plan;
  switch (layoutOf(plan)) {
    case "accumulators":
      return new Accumulated(context, assigner.space.codec, aggregatorOf(contents)!);
    case "shared accumulators":
      return new Shared(context, aggregatorOf(contents)!, { slices: assigner.slices!, time: assigner.time }, plan.latenessMs);
    case "records":
      return new Buffered(context, contents.serde);
    case "slices":
      return new Sliced(context, contents.serde, assigner.slices!);
    case "records with timestamps": {
      const aggregator = aggregatorOf(contents);
      return new Evicted(context, {
        evictor: plan.evictor!,
        serde: contents.serde,
        windowOf: (known) => assigner.space.window(known),
        input: aggregator === undefined ? (values) => values : fold(context, aggregator),
      });
    }
  }
};

export const paneCall = (contents: WindowContents): PaneCall => {
  const process = processOf(contents);
  if (process !== undefined) return { kind: "process", spec: process };
  if (contents.kind === "process")
    return { kind: "many", fn: contents.process as (values: readonly any[], pane: Pane<any, any>) => Out<unknown> };
  return contents.result === undefined
    ? { kind: "as is" }
    : { kind: "one", fn: contents.result as (result: any, pane: Pane<any, any>) => unknown };
};

const processOf = (contents: WindowContents): AnyPaneProcess | undefined => {
  const fn = contents.kind === "process" ? contents.process : contents.result;
  return typeof fn === "object" ? fn : undefined;
};

const aggregatorOf = (contents: WindowContents): Aggregator<any, any, any, any> | undefined =>
  contents.kind === "aggregate" ? contents.aggregator : undefined;

const fold =
  ({ state }: OperatorContext, aggregator: Aggregator<any, any, any, any>) =>
  (values: readonly unknown[]): unknown => {
    let accumulator = aggregator.init();
    for (const value of values) accumulator = aggregator.add(accumulator, value, state.key);
    return resultOf(aggregator, accumulator);
  };
