import type { Duration } from "../duration.ts";
import { NextFiring } from "./next_firing.ts";
import type { OpenTrigger, Trigger, TriggerPlace } from "./trigger.ts";
import { requireLength } from "./window_error.ts";

/**
 * Fires again and again while the window is open: when the clock passes multiples of the interval, and at the window's end. A clock that jumps over
 * several of them makes it fire once for each, with the same records. (Flink: ContinuousEventTimeTrigger, ContinuousProcessingTimeTrigger.)
 * @param options `time` says by which clock; "event" by default.
 */
export const onInterval = (every: Duration, options: { readonly time?: "event" | "processing" } = {}): Trigger<unknown> => {
  requireLength("The interval after which a window fires", every, "minutes(1)");
  const { time = "event" } = options;
  return {
    name: `interval(${every}, ${time})`,
    merges: true,
    purges: false,
    open: (place) => (time === "event" ? byWatermark(place, every) : byClock(place, every)),
  };
};

const byWatermark = (place: TriggerPlace, every: number): OpenTrigger<unknown> => {
  const { context, maxTimestamp } = place;
  const next = new NextFiring(place, every, place.setEventTimer, place.deleteEventTimer);
  return {
    onRecord: (_value, timestamp) => {
      const end = maxTimestamp();
      if (end <= context.watermark()) return "fire";
      place.setEventTimer(end);
      next.begin(timestamp);
      return "continue";
    },
    onEventTimer: (timestamp) => {
      const end = maxTimestamp();
      if (timestamp === end) return "fire";
      if (!next.isAt(timestamp)) return "continue";
      // A window without end would go on for ever when the input has ended: the timer for its end is the last word.
      if (context.watermark() === Number.POSITIVE_INFINITY && end === Number.POSITIVE_INFINITY) {
        next.clear();
        return "continue";
      }
      next.after(timestamp);
      return "fire";
    },
    onProcessingTimer: () => "continue",
    onMerge: (from) => next.merge(from),
    // The timer for the end stays, as in Flink: a time-out may clear the trigger of a window that goes on.
    clear: () => next.clear(),
  };
};

const byClock = (place: TriggerPlace, every: number): OpenTrigger<unknown> => {
  const { context, maxTimestamp } = place;
  const next = new NextFiring(place, every, place.setProcessingTimer, place.deleteProcessingTimer);
  return {
    onRecord: () => {
      next.begin(context.processingTime());
      return "continue";
    },
    onEventTimer: () => "continue",
    onProcessingTimer: (timestamp) => {
      // The last moment, whatever the clock shows: a window of event time may be over long before.
      if (timestamp === maxTimestamp()) return "fire";
      if (!next.isAt(timestamp)) return "continue";
      next.after(timestamp);
      return "fire";
    },
    onMerge: (from) => next.merge(from),
    clear: () => next.clear(),
  };
};
