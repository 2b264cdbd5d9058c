import type { Duration } from "../duration.ts";

/** When a window speaks whose results replace each other, so that its windows are the rows of a table. Made by `onUpdate` and `onClose`. */
export interface Revision {
  readonly speaks: "revise";
  readonly name: "update" | "close";
  /** What says that a window is over: the largest timestamp that the step has seen, or the watermark. */
  readonly clock: "stream-time" | "watermark";
  /** Windows that are over are looked for at most so often, by the wall clock. */
  readonly everyMs: number;
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
 * @param options `clock` says by what that is judged, as for `onUpdate`. With `every`, windows that are over are looked for at most so often by the wall clock, which saves work; what has left the `retention` by then is never told.
 */
export const onClose = (options: { readonly clock?: "stream-time" | "watermark"; readonly every?: Duration } = {}): Revision => ({
  speaks: "revise",
  name: "close",
  clock: options.clock ?? "stream-time",
  everyMs: options.every ?? 0,
});
