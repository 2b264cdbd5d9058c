import type { Assigner } from "./assigner.ts";
import { onNever } from "./on_never.ts";
import type { Window } from "./window.ts";
import { everything } from "./window_space.ts";

/**
 * One window per key for all time. It speaks only when its trigger says so, and by default has none that does: `onWatermark()` makes it speak when a
 * bounded input has ended, `onCount`,
 * `onDelta`, `onInterval` and `orTimeout` before that. Nothing is ever let go of, so purge what was spoken of.
 */
export const globalWindow = (options: { readonly start?: number } = {}): Assigner<unknown, Window> => {
  const { start } = options;
  return {
    name: "global",
    time: "event",
    merging: false,
    parameters: start === undefined ? {} : { start },
    space: start === undefined ? everything : { ...everything, window: () => ({ start, end: Number.POSITIVE_INFINITY }) },
    trigger: onNever,
    evictor: undefined,
    open: () => {
      if (start === undefined) return () => theOne;
      const sinceThen: readonly number[] = [start];
      return (_value, timestamp) => (timestamp < start ? none : sinceThen);
    },
  };
};

const theOne: readonly number[] = [0];
const none: readonly number[] = [];
