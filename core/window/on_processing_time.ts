import type { Trigger } from "./trigger.ts";

/** Fires when the Clock reaches the end of the window. The default of processing-time windows. (Flink: ProcessingTimeTrigger.) */
export const onProcessingTime = (): Trigger<unknown> => ({
  name: "processing-time",
  merges: true,
  purges: false,
  onlyAtEnd: "processing",
  open: (place) => ({
    onRecord: () => {
      place.setProcessingTimer(place.maxTimestamp());
      return "continue";
    },
    onEventTimer: () => "continue",
    onProcessingTimer: () => "fire",
    onMerge: () => {
      const end = place.maxTimestamp();
      if (end > place.context.processingTime()) place.setProcessingTimer(end);
    },
    clear: () => place.deleteProcessingTimer(place.maxTimestamp()),
  }),
});
