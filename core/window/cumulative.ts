import type { Duration } from "../duration.ts";
import { type Assigner, atEnd, requireTimestamp } from "./assigner.ts";
import type { WindowTime } from "./sliding.ts";
import type { Window } from "./window.ts";
import { requireLength, windowError } from "./window_error.ts";
import { anySize } from "./window_space.ts";

/**
 * Windows that grow by a step until they have their size, and then begin anew: so far today, told every hour. A record is in its step's window and in the longer ones behind it (Flink: the SQL function CUMULATE).
 *
 * @example
 * ```ts
 * import { cumulative, days, hours } from "millrace";
 *
 * const soFarToday = cumulative({ size: days(1), step: hours(1) });
 * ```
 */
export const cumulative = (
  options: WindowTime & {
    readonly size: Duration;
    /** By how much each window is longer than the one before; the size is a whole number of steps. */
    readonly step: Duration;
  },
): Assigner<unknown, Window> => {
  const { size, step, time = "event", offset = 0 as Duration } = options;
  requireLength("The size of a cumulative window", size, "days(1)");
  requireLength("The step of a cumulative window", step, "hours(1)");
  if (size % step !== 0)
    throw windowError(`Cumulative windows cannot grow to ${size} ms in steps of ${step} ms: give a size that is a whole number of steps`);
  if (!Number.isSafeInteger(offset) || Math.abs(offset) >= size)
    throw windowError(
      `The offset of a cumulative window is ${offset} ms: give a whole number of milliseconds that is less than the size of ${size} ms either way`,
    );
  return {
    name: "cumulative",
    time,
    merging: false,
    parameters: { time, size, step, offset },
    space: anySize,
    trigger: atEnd(time),
    evictor: undefined,
    open: () => (_value, timestamp, clock) => {
      const at = time === "event" ? timestamp : clock.processingTime();
      if (time === "event") requireTimestamp(at);
      const start = Math.floor((at - offset) / size) * size + offset;
      const windows: Window[] = [];
      for (let end = start + (Math.floor((at - start) / step) + 1) * step; end <= start + size; end += step) windows.push({ start, end });
      return windows;
    },
  };
};
