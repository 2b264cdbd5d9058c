import { valueCodec } from "../state/codecs.ts";
import { heldCodec, heldValue, hold } from "./held.ts";
import type { Trigger } from "./trigger.ts";
import { windowError } from "./window_error.ts";

/**
 * Fires when a record differs from that of the last firing by more than the threshold; the first record of a window is what the next ones are
 * compared with. Not for sessions: of two windows that merge, it could not say which record was the last. (Flink: DeltaTrigger.)
 */
export const onDelta = <V>(threshold: number, delta: (last: V, current: V) => number): Trigger<V> => {
  if (Number.isNaN(threshold)) throw windowError("The threshold of onDelta is NaN: give a number");
  return {
    name: `delta(${threshold})`,
    merges: false,
    purges: false,
    open: ({ context: { state }, column }) => {
      const last = state.value(`${column}:last`, heldCodec(valueCodec<V>()), { namespaced: true });
      return {
        onRecord: (value) => {
          const before = last.get();
          if (before !== undefined && !(delta(heldValue(before), value) > threshold)) return "continue";
          last.set(hold(value));
          return before === undefined ? "continue" : "fire";
        },
        onEventTimer: () => "continue",
        onProcessingTimer: () => "continue",
        onMerge: () => {},
        clear: () => last.clear(),
      };
    },
  };
};
