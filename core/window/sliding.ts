import type { Duration } from "../duration.ts";
import { type Assigner, atEnd, requireTimestamp, type WindowClock } from "./assigner.ts";
import type { Window } from "./window.ts";
import { requireLength, windowError } from "./window_error.ts";
import { fixedSize } from "./window_space.ts";

/** Where windows of one size lie. */
export interface WindowTime {
  /** @default "event" */
  readonly time?: WindowClock;
  /** By how much the windows are shifted from 1970-01-01T00:00Z; negative shifts to earlier. Less than a step either way. @default 0 */
  readonly offset?: Duration;
}

/**
 * Windows of one size that begin at regular steps, so that a record belongs to `size / every` of them.
 *
 * @example
 * ```ts
 * import { minutes, sliding } from "millrace";
 *
 * const lastHalfHour = sliding({ size: minutes(30), every: minutes(5) });
 * ```
 */
export const sliding = (
  options: WindowTime & {
    readonly size: Duration;
    readonly every: Duration;
    /** Windows may be further apart than they are long, so that records in between belong to none. @default false */
    readonly gaps?: boolean;
  },
): Assigner<unknown, Window> => {
  const { size, every, gaps = false } = options;
  requireLength("The size of a sliding window", size, "minutes(30)");
  requireLength("The step `every` of a sliding window", every, "minutes(5)");
  if (every > size && !gaps) {
    throw windowError(
      `Sliding windows of ${size} ms that begin every ${every} ms leave records in no window: let \`every\` be at most \`size\`, or say \`gaps: true\` if that is meant`,
    );
  }
  return regular("sliding", options, size, every);
};

/** Windows of one size that begin every so many milliseconds. */
export const regular = (
  name: string,
  { time = "event", offset = 0 as Duration }: WindowTime,
  size: number,
  every: number,
): Assigner<unknown, Window> => {
  if (!Number.isSafeInteger(offset) || Math.abs(offset) >= every) {
    throw windowError(
      `The offset of a ${name} window is ${offset} ms: give a whole number of milliseconds that is less than the step of ${every} ms either way`,
    );
  }
  return {
    name,
    time,
    merging: false,
    parameters: { time, size, every, offset },
    space: fixedSize(size),
    ...(size > every && size % every === 0 ? { slices: { size, every, offset } } : {}),
    trigger: atEnd(time),
    evictor: undefined,
    open: () => {
      const starts: number[] = [];
      return (_value, timestamp, clock) => {
        const at = time === "event" ? timestamp : clock.processingTime();
        if (time === "event") requireTimestamp(at);
        // The quotient of whole numbers below 2^53 is never rounded up to a whole number, so this is exact, and rounds down for negative times, too.
        let start = Math.floor((at - offset) / every) * every + offset;
        let n = 0;
        for (; start > at - size; start -= every) starts[n++] = start;
        starts.length = n;
        return starts;
      };
    },
  };
};
