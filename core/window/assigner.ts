import { StepError } from "../errors.ts";
import type { Evictor } from "./evictor.ts";
import { onProcessingTime } from "./on_processing_time.ts";
import { onWatermark } from "./on_watermark.ts";
import type { Trigger } from "./trigger.ts";
import type { Window } from "./window.ts";
import { anySize, type WindowSpace } from "./window_space.ts";

/** Which clock windows follow: the watermark, or the wall. */
export type WindowClock = "event" | "processing";

/** Says to which windows a record belongs. Made by `tumbling`, `sliding`, `cumulative`, `calendar`, `session`, `globalWindow`, `counting` and `assigner`. */
export interface Assigner<in V, out W extends Window> {
  readonly name: string;
  readonly time: WindowClock;
  /** Windows of one key that touch become one. */
  readonly merging: boolean;
  /** Of windows that merge: one that equals what others have become takes its place, and what they held is gone. */
  readonly renewing?: true;
  /** What tells two assigners of this name apart. */
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  readonly space: WindowSpace<any, W>;
  /** Present where windows overlap and are whole numbers of steps long; a record's windows then come newest first. */
  readonly slices?: Slices;
  /** When its windows speak if the program does not say. */
  readonly trigger: Trigger<unknown>;
  readonly evictor: Evictor<unknown> | undefined;
  /** Makes the function that gives a record's windows, as the space knows them; one for each operator, since it may give the same array again and again. */
  readonly open: () => Assign<V>;
}

/** Overlapping windows of `size`, of which one begins every so many milliseconds, a whole number of which it is long. */
export interface Slices {
  readonly size: number;
  readonly every: number;
  readonly offset: number;
}

/** The clock is asked only by windows of processing time: it is not free. */
export type Assign<in V> = (value: V, timestamp: number, clock: WallClock) => readonly unknown[];

export interface WallClock {
  processingTime(): number;
}

/** The trigger that windows of this clock have by default: once, at their end. */
export const atEnd = (time: WindowClock): Trigger<unknown> => (time === "event" ? onWatermark() : onProcessingTime());

/**
 * Windows of one's own: the function gives those that a record belongs to. They do not merge.
 *
 * @example
 * ```ts
 * import { assigner } from "millrace";
 *
 * // Each order until its own deadline.
 * const untilDeadline = assigner<{ deadline: number }>({ assign: (order, timestamp) => [{ start: timestamp, end: order.deadline }] });
 * ```
 */
export const assigner = <V>(make: {
  /** `processingTime` is the Clock's. */
  assign(value: V, timestamp: number, processingTime: number): Iterable<Window>;
  /** @default "event" */
  readonly time?: WindowClock;
}): Assigner<V, Window> => {
  const time = make.time ?? "event";
  return {
    name: "custom",
    time,
    merging: false,
    parameters: { time },
    space: anySize,
    trigger: atEnd(time),
    evictor: undefined,
    open: () => (value, timestamp, clock) => {
      const windows: Window[] = [];
      for (const { start, end } of make.assign(value, timestamp, clock.processingTime())) {
        if (!(start < end))
          throw new StepError(`Cannot put a record into the window [${start}, ${end}): give windows that end after their start`);
        windows.push({ start, end });
      }
      return windows;
    },
  };
};

/** Event-time windows need to know when. */
export const requireTimestamp = (timestamp: number): void => {
  if (!Number.isFinite(timestamp))
    throw new StepError(
      `Cannot put a record without a timestamp (${timestamp}) into a window of event time: give its source a \`timestamp\``,
    );
};
