import type { Duration } from "../duration.ts";
import { valueCodec } from "../state/codecs.ts";
import { fires, purges, type Trigger, type Verdict } from "./trigger.ts";
import type { Window } from "./window.ts";
import { requireLength } from "./window_error.ts";

/**
 * Fires when the inner trigger does, and also so long after the first record that it has not spoken of, by the Clock. (Flink:
 * ProcessingTimeoutTrigger; as there, every timer of the window makes it fire, also the one at which an event-time window is let go of.)
 * @param options `restart`: each record begins the waiting anew; false by default. `clear`: the timeout also clears the inner trigger, so that what
 * it has counted is forgotten; true by default.
 */
export const orTimeout = <V, W extends Window = Window>(
  inner: Trigger<V, W>,
  timeout: Duration,
  options: { readonly restart?: boolean; readonly clear?: boolean } = {},
): Trigger<V, W> => {
  requireLength("The timeout of a trigger", timeout, "seconds(10)");
  const { restart = false, clear: clears = true } = options;
  return {
    name: `timeout(${inner.name}, ${timeout}${restart ? ", restart" : ""}${clears ? "" : ", keep"})`,
    // Flink's neither says that it merges nor gathers the state of merging windows.
    merges: false,
    purges: inner.purges,
    open: (place) => {
      const nested = inner.open({ ...place, column: `${place.column}:inner` });
      const { state } = place.context;
      const due = state.value<number>(`${place.column}:timeout`, valueCodec(), { namespaced: true });
      const clear = (): void => {
        const at = due.get();
        if (at !== undefined) {
          place.deleteProcessingTimer(at);
          due.clear();
        }
        nested.clear();
      };
      const onTimer = (verdict: Verdict): Verdict => {
        if (clears) clear();
        return purges(verdict) ? "fire-and-purge" : "fire";
      };
      return {
        onRecord: (value, timestamp) => {
          const verdict = nested.onRecord(value, timestamp);
          if (fires(verdict)) {
            clear();
            return verdict;
          }
          const before = due.get();
          if (before !== undefined && restart) place.deleteProcessingTimer(before);
          if (before === undefined || restart) {
            const at = place.context.processingTime() + timeout;
            due.set(at);
            place.setProcessingTimer(at);
          }
          return verdict;
        },
        onEventTimer: (timestamp) => onTimer(nested.onEventTimer(timestamp)),
        onProcessingTimer: (timestamp) => onTimer(nested.onProcessingTimer(timestamp)),
        onMerge: () => {},
        clear,
      };
    },
  };
};
