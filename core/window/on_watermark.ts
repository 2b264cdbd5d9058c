import type { Trigger } from "./trigger.ts";

/**
 * Fires when the watermark reaches the end of the window, and again at once for each record that comes after that, within the allowed lateness. The
 * default of event-time windows. On a
 * `globalWindow` it fires when a bounded input has ended. (Flink: EventTimeTrigger, EndOfStreamTrigger.)
 */
export const onWatermark = (): Trigger<unknown> => ({
  name: "watermark",
  merges: true,
  purges: false,
  onlyAtEnd: "event",
  open: (place) => ({
    onRecord: () => {
      const end = place.maxTimestamp();
      if (end <= place.context.watermark()) return "fire";
      place.setEventTimer(end);
      return "continue";
    },
    onEventTimer: (timestamp) => (timestamp === place.maxTimestamp() ? "fire" : "continue"),
    onProcessingTimer: () => "continue",
    onMerge: () => {
      // The record that made the windows merge is shown next, and fires if the end has passed.
      const end = place.maxTimestamp();
      if (end > place.context.watermark()) place.setEventTimer(end);
    },
    clear: () => place.deleteEventTimer(place.maxTimestamp()),
  }),
});
