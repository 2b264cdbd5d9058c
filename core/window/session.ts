import type { Duration } from "../duration.ts";
import { StepError } from "../errors.ts";
import { noTimestamp } from "../record.ts";
import { type Assigner, atEnd, requireTimestamp, type WindowClock } from "./assigner.ts";
import { SessionWindow } from "./session_window.ts";
import type { MergingWindow } from "./window.ts";
import { requireLength } from "./window_error.ts";
import { mergingSpace } from "./window_space.ts";

/**
 * Windows of activity: records that are at most `gap` apart share one, which ends a `gap` after the last of them. The gap may depend on the value.
 *
 * @example
 * ```ts
 * import { minutes, session } from "millrace";
 *
 * const visit = session({ gap: minutes(30) });
 * ```
 */
export const session = <V>(options: {
  readonly gap: Duration | ((value: V) => Duration);
  /** @default "event" */
  readonly time?: WindowClock;
  /**
   * What a record does whose own window is exactly the session that others have grown into, as may be when gaps differ: it joins them, or begins the
   * session anew, so that they are forgotten. Flink 2.3 forgets them; only who needs its very results should, too.
   *
   * @default "join"
   */
  readonly equal?: "join" | "begin-anew";
}): Assigner<V, MergingWindow> => {
  const { gap, time = "event", equal = "join" } = options;
  if (typeof gap !== "function") requireLength("The gap of a session window", gap, "minutes(30)");
  const gapOf = typeof gap === "function" ? (value: V) => requireGap(gap(value)) : () => gap;
  return {
    name: "session",
    time,
    merging: true,
    parameters: { time, gap: typeof gap === "function" ? "by value" : gap, ...(equal === "join" ? {} : { equal }) },
    space: mergingSpace,
    trigger: atEnd(time),
    evictor: undefined,
    ...(equal === "join" ? {} : { renewing: true }),
    open: () => (value, timestamp, clock) => {
      const start = time === "event" ? beginning(timestamp) : clock.processingTime();
      return [new SessionWindow(start, start + gapOf(value))];
    },
  };
};

/** Records without a timestamp share a session at the beginning of time, as in Flink: the smallest 64-bit number. */
const beginning = (timestamp: number): number => {
  if (timestamp === noTimestamp) return -(2 ** 63);
  requireTimestamp(timestamp);
  return timestamp;
};

const requireGap = (ms: Duration): Duration => {
  if (Number.isSafeInteger(ms) && ms > 0) return ms;
  throw new StepError(
    `The gap of a session window, as computed from a value, is ${ms} ms: give a whole number of milliseconds that is more than 0`,
  );
};
