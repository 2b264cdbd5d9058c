import { valueCodec } from "../state/codecs.ts";
import type { Trigger } from "./trigger.ts";
import { requireCount } from "./window_error.ts";

/**
 * Fires at every n-th record of the window. On a window with an end it does not fire at the end, so records that are left over are never spoken of.
 * (Flink: CountTrigger.)
 */
export const onCount = (n: number): Trigger<unknown> => {
  requireCount("The number of records after which a window fires", n);
  return {
    name: `count(${n})`,
    merges: true,
    purges: false,
    open: ({ context: { state }, column }) => {
      const seen = state.value<number>(`${column}:count`, valueCodec(), { namespaced: true });
      return {
        onRecord: () => {
          const now = (seen.get() ?? 0) + 1;
          if (now < n) {
            seen.set(now);
            return "continue";
          }
          seen.clear();
          return "fire";
        },
        onEventTimer: () => "continue",
        onProcessingTimer: () => "continue",
        onMerge: (from) => {
          const into = state.namespace;
          let total = 0;
          for (const window of from) {
            state.setNamespace(window);
            total += seen.get() ?? 0;
            seen.clear();
          }
          state.setNamespace(into);
          if (total > 0) seen.set(total + (seen.get() ?? 0));
        },
        clear: () => seen.clear(),
      };
    },
  };
};
