import type { Trigger } from "./trigger.ts";

/** Never fires: the default of a `globalWindow`. (Flink: GlobalWindows.NeverTrigger.) */
export const onNever: Trigger<unknown> = {
  name: "never",
  merges: false,
  purges: false,
  open: () => ({
    onRecord: () => "continue",
    onEventTimer: () => "continue",
    onProcessingTimer: () => "continue",
    onMerge: () => {},
    clear: () => {},
  }),
};
