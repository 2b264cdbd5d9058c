import type { Assigner } from "./assigner.ts";
import { globalWindow } from "./global_window.ts";
import { keepLast } from "./keep_last.ts";
import { onCount } from "./on_count.ts";
import { purging } from "./purging.ts";
import type { Window } from "./window.ts";
import { requireCount } from "./window_error.ts";

/**
 * Windows of so many records of a key. With `every`, the last `size` records after each `every` of them, fewer in the beginning. An `emit` of your
 * own replaces when they speak. Their results have no timestamp of their own: they carry +Infinity, as those of a global window do.
 */
export const counting = (options: { readonly size: number; readonly every?: number }): Assigner<unknown, Window> => {
  const { size, every } = options;
  requireCount("The size of a counting window", size);
  if (every !== undefined) requireCount("The step `every` of a counting window", every);
  return {
    ...globalWindow(),
    name: "counting",
    parameters: { size, ...(every === undefined ? {} : { every }) },
    trigger: every === undefined ? purging(onCount(size)) : onCount(every),
    evictor: every === undefined ? undefined : keepLast(size),
  };
};
