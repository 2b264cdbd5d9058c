import type { Duration } from "../core/duration.ts";
import { TopologyError } from "../core/errors.ts";
import type { Window, Windowed } from "../core/window/window.ts";

declare const suppresses: unique symbol;

/** How long the changes of a table are held back. Made by `untilWindowCloses` and `untilTimeLimit`. */
export interface Suppression<in K> {
  readonly [suppresses]?: (key: K) => void;
  readonly until: "window closes" | "time limit";
  readonly afterMs: number;
  readonly clock: "stream-time" | "watermark" | "wall-clock";
  readonly atLatestMs: number | undefined;
  readonly recordsMax: number;
  readonly bytesMax: number;
  readonly whenFull: "emit-early" | "fail";
}

/** How much is held back at most. */
export interface SuppressionBuffer {
  /** Rows. @default unlimited */
  readonly maxRecords?: number;
  /** Bytes of the rows as they are written. @default unlimited */
  readonly maxBytes?: number;
  /** What happens with more: the oldest goes on before its time, or the run ends. */
  readonly whenFull?: "emit-early" | "fail";
}

/**
 * Holds each row of a windowed table back until nothing can change it any more: until the window's end and its lateness are over. It is then told once; deletions are not told.
 *
 * @param options `clock` says by what that is judged: the largest timestamp that the step has seen (as in Kafka Streams), or the watermark, which goes on when an input is idle. @default "stream-time". `atLatest`: a row is told when it
 * has waited so long by the wall clock, and again if it changes after that. A full buffer ends the run unless `whenFull` says otherwise.
 */
export const untilWindowCloses = (
  options: SuppressionBuffer & { readonly clock?: "stream-time" | "watermark"; readonly atLatest?: Duration } = {},
): Suppression<Windowed<unknown, Window>> => ({
  until: "window closes",
  afterMs: 0,
  clock: options.clock ?? "stream-time",
  atLatestMs: options.atLatest,
  ...bufferOf(options, "fail"),
});

/**
 * Tells at most one change of a row in so much time: the first change opens the time, and the last one in it is told.
 *
 * @param options `clock` says how time is measured: by timestamps as the step sees them, by the watermark or by the wall clock. @default "stream-time". A full buffer emits early unless `whenFull` says otherwise.
 */
export const untilTimeLimit = (
  limit: Duration,
  options: SuppressionBuffer & { readonly clock?: "stream-time" | "watermark" | "wall-clock" } = {},
): Suppression<unknown> => {
  if (!(limit >= 0))
    throw new TopologyError(
      "OPTION_INVALID",
      `The limit of a suppression is ${limit} ms: give a duration that is not negative, such as seconds(10)`,
    );
  return {
    until: "time limit",
    afterMs: limit,
    clock: options.clock ?? "stream-time",
    atLatestMs: undefined,
    ...bufferOf(options, "emit-early"),
  };
};

const bufferOf = (
  { maxRecords, maxBytes, whenFull }: SuppressionBuffer,
  otherwise: "emit-early" | "fail",
): Pick<Suppression<unknown>, "recordsMax" | "bytesMax" | "whenFull"> => {
  for (const [name, max] of Object.entries({ maxRecords, maxBytes }))
    if (max !== undefined && !(max >= 0))
      throw new TopologyError("OPTION_INVALID", `The option ${name} of a suppression is ${max}: give a number that is not negative`);
  return {
    recordsMax: maxRecords ?? Number.POSITIVE_INFINITY,
    bytesMax: maxBytes ?? Number.POSITIVE_INFINITY,
    whenFull: whenFull ?? otherwise,
  };
};
