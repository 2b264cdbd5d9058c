import type { Duration } from "../duration.ts";
import { StepError } from "../errors.ts";
import type { Assigner } from "./assigner.ts";
import { onNever } from "./on_never.ts";
import type { Window } from "./window.ts";
import { requireLength } from "./window_error.ts";
import { fixedSize } from "./window_space.ts";

/**
 * Windows that begin and end at records: for each record one that ends with it and one that begins right behind it, if anything is in there. No two records of a window are further apart than the difference (Kafka Streams: sliding windows,
 * KIP-450). Their results are revised, so they want `emit: onUpdate()` or `onClose()`.
 *
 * @example
 * ```ts
 * import { around, seconds } from "millrace";
 *
 * const bursts = around({ difference: seconds(10) });
 * ```
 */
export const around = (options: { readonly difference: Duration }): Assigner<unknown, Window> => {
  const { difference } = options;
  if (difference !== 0) requireLength("The difference of an around window", difference, "seconds(10)");
  return {
    name: "around",
    time: "event",
    merging: false,
    parameters: { difference },
    // The end does not belong to a window, so that it is a millisecond longer than the difference.
    space: fixedSize(difference + 1),
    trigger: onNever,
    evictor: undefined,
    open: () => () => {
      throw new StepError("Windows around records are found by those that are there already: use them with emit: onUpdate() or onClose()");
    },
  };
};
