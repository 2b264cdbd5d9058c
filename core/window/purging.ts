import { fires, type Trigger, type Verdict } from "./trigger.ts";
import type { Window } from "./window.ts";

/** Fires when the inner trigger does, and empties the window then, so that no record is spoken of twice. (Flink: PurgingTrigger.) */
export const purging = <V, W extends Window = Window>(inner: Trigger<V, W>): Trigger<V, W> => ({
  name: `purging(${inner.name})`,
  merges: inner.merges,
  purges: true,
  ...(inner.onlyAtEnd === undefined ? {} : { onlyAtEnd: inner.onlyAtEnd }),
  open: (place) => {
    const nested = inner.open(place);
    const purge = (verdict: Verdict): Verdict => (fires(verdict) ? "fire-and-purge" : verdict);
    return {
      onRecord: (value, timestamp) => purge(nested.onRecord(value, timestamp)),
      onEventTimer: (timestamp) => purge(nested.onEventTimer(timestamp)),
      onProcessingTimer: (timestamp) => purge(nested.onProcessingTimer(timestamp)),
      onMerge: (from) => nested.onMerge(from),
      clear: () => nested.clear(),
    };
  },
});
