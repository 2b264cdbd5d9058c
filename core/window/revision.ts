import type { Duration } from "../duration.ts";
import { requireLength } from "./window_error.ts";

/** When a window speaks whose results replace each other, so that its windows are the rows of a table. Made by `onUpdate` and `onClose`. */
export interface Revision {
  readonly speaks: "revise";
  readonly name: "update" | "close";
  /** What says that a window is over: the largest timestamp that the step has seen, or the watermark. */
  readonly clock: "stream-time" | "watermark";
  /** Windows that are over are looked for at most so often, by the wall clock. */
  readonly everyMs: number;
  /** A change of a row is told when it has waited so long by the wall clock, though its window is not over. */
  readonly atLatestMs?: number;
}

/**
 * A row for each key and window, revised by every record until the window's end and its lateness are over.
 *
 * @param options `clock` says by what that is judged: the largest timestamp that the step has seen (as in Kafka Streams), or the watermark. @default "stream-time"
 *
 * @example
 * ```ts
 * import { json, minutes, onUpdate, text, topic, topology, tumbling } from "millrace";
 *
 * const views = topic("views", { key: text, value: json<{ page: string }>() });
 * topology("views-per-minute", ({ from }) => {
 *   from(views).keyBy().window(tumbling({ size: minutes(1) }), { emit: onUpdate() }).count("per-minute").toStream().print();
 * });
 * ```
 */
export const onUpdate = (options: { readonly clock?: "stream-time" | "watermark" } = {}): Revision => ({
  speaks: "revise",
  name: "update",
  clock: options.clock ?? "stream-time",
  everyMs: 0,
});

/**
 * A row for each key and window, written once: when the window's end and its lateness are over.
 *
 * @param options `clock` says by what that is judged, as for `onUpdate`; the watermark goes on when an input falls idle. `atLatest`: a row that has waited so long by the wall clock is told as it is, and again if it changes after that, when it
 * has waited as long once more, or at the end. With `every`, windows that are over are looked for at most so often by the wall clock, which saves work; what has left the `retention` by then is never told.
 *
 * @example
 * ```ts
 * import { json, minutes, onClose, text, topic, topology, tumbling } from "millrace";
 *
 * const views = topic("views", { key: text, value: json<{ page: string }>() });
 * topology("views-per-hour", ({ from }) => {
 *   const emit = onClose({ clock: "watermark", atLatest: minutes(5) });
 *   from(views).keyBy().window(tumbling({ size: minutes(60) }), { emit }).count("per-hour").toStream().print();
 * });
 * ```
 */
export const onClose = (
  options: { readonly clock?: "stream-time" | "watermark"; readonly every?: Duration; readonly atLatest?: Duration } = {},
): Revision => {
  const { clock = "stream-time", every = 0, atLatest } = options;
  if (atLatest !== undefined) requireLength("The time that a row waits at latest for its window's end", atLatest, "minutes(5)");
  return { speaks: "revise", name: "close", clock, everyMs: every, ...(atLatest === undefined ? {} : { atLatestMs: atLatest }) };
};
