import type { Duration } from "../duration.ts";
import { type EvictionTime, type Evictor, evicting, placesWhere } from "./evictor.ts";
import { requireLength } from "./window_error.ts";

/** Keeps the records that are less than `time` older than the latest in the window, by their timestamps. (Flink: TimeEvictor.) */
export const keepRecent = (time: Duration, when: EvictionTime = {}): Evictor<unknown> => {
  requireLength("The time for which a window keeps records", time, "minutes(5)");
  return evicting(
    `recent(${time})`,
    (_values, timestamps) => {
      let latest = Number.NEGATIVE_INFINITY;
      for (const timestamp of timestamps) if (timestamp > latest) latest = timestamp;
      return placesWhere(timestamps.length, (place) => timestamps[place]! <= latest - time);
    },
    when,
  );
};
