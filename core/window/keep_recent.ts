import type { Duration } from "../duration.ts";
import { StepError } from "../errors.ts";
import { noTimestamp } from "../record.ts";
import { type EvictionTime, type Evictor, evicting, placesWhere } from "./evictor.ts";
import { requireLength } from "./window_error.ts";

/**
 * Keeps the records that are less than `time` older than the latest in the window, by their timestamps; all of them where the first has none, as in windows
 * of processing time. (Flink: TimeEvictor.)
 */
export const keepRecent = (time: Duration, when: EvictionTime = {}): Evictor<unknown> => {
  requireLength("The time for which a window keeps records", time, "minutes(5)");
  return evicting(
    `recent(${time})`,
    (_values, timestamps) => {
      let latest = Number.NEGATIVE_INFINITY;
      if (timestamps[0] === noTimestamp) return [];
      for (const timestamp of timestamps) {
        if (timestamp === noTimestamp) throw new StepError(mixed);
        if (timestamp > latest) latest = timestamp;
      }
      return placesWhere(timestamps.length, (place) => timestamps[place]! <= latest - time);
    },
    when,
  );
};

const mixed =
  "Cannot keep the records of the last moments in a window of records with a timestamp and of records without one: give the source a `timestamp`";
