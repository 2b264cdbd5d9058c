import type { Duration } from "../duration.ts";
import type { Assigner } from "./assigner.ts";
import { regular, type WindowTime } from "./sliding.ts";
import type { Window } from "./window.ts";
import { requireLength } from "./window_error.ts";

/**
 * Windows of one size, one after the other: a record belongs to exactly one.
 *
 * @example
 * ```ts
 * import { minutes, tumbling } from "millrace";
 *
 * const perMinute = tumbling({ size: minutes(1) });
 * ```
 */
export const tumbling = (options: WindowTime & { readonly size: Duration }): Assigner<unknown, Window> => {
  requireLength("The size of a tumbling window", options.size, "minutes(5)");
  return regular("tumbling", options, options.size, options.size);
};
