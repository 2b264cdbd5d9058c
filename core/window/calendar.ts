import { type Assigner, atEnd, requireTimestamp, type WindowClock } from "./assigner.ts";
import { type CivilDay, TimeZone, weekday } from "./time_zone.ts";
import type { Window } from "./window.ts";
import { windowError } from "./window_error.ts";
import { anySize } from "./window_space.ts";

/** What calendar windows are long. */
export type CalendarUnit = "day" | "week" | "month" | "year";

/** The first day of the unit that a day is in, and the first day of the next unit. Weeks begin on Monday. */
const bounds: Readonly<Record<CalendarUnit, (day: CivilDay) => readonly [CivilDay, CivilDay]>> = {
  day: ({ year, month, day }) => [
    { year, month, day },
    { year, month, day: day + 1 },
  ],
  week: (of) => {
    const { year, month } = of;
    const monday = of.day - weekday(of);
    return [
      { year, month, day: monday },
      { year, month, day: monday + 7 },
    ];
  },
  month: ({ year, month }) => [
    { year, month, day: 1 },
    { year, month: month + 1, day: 1 },
  ],
  year: ({ year }) => [
    { year, month: 1, day: 1 },
    { year: year + 1, month: 1, day: 1 },
  ],
};

/**
 * Days, weeks, months or years as people of a time zone count them, one after the other: a day is 23 or 25 hours long where clocks change. Weeks begin on Monday.
 *
 * @example
 * ```ts
 * import { calendar } from "millrace";
 *
 * const perDay = calendar({ unit: "day", zone: "Europe/Paris" });
 * ```
 */
export const calendar = (options: {
  readonly unit: CalendarUnit;
  /** A name of the IANA time zone database. */
  readonly zone: string;
  /** @default "event" */
  readonly time?: WindowClock;
}): Assigner<unknown, Window> => {
  const { unit, zone, time = "event" } = options;
  if (!Object.hasOwn(bounds, unit))
    throw windowError(`There is no calendar window '${String(unit)}': say "day", "week", "month" or "year"`);
  const clocks = new TimeZone(zone);
  return {
    name: "calendar",
    time,
    merging: false,
    parameters: { time, unit, zone },
    space: anySize,
    trigger: atEnd(time),
    evictor: undefined,
    open: () => {
      // Most records are in the window of the one before, and asking the calendar is slow.
      let last: Window = { start: 0, end: 0 };
      return (_value, timestamp, clock) => {
        const at = time === "event" ? timestamp : clock.processingTime();
        if (time === "event") requireTimestamp(at);
        if (at < last.start || at >= last.end) {
          const [first, next] = bounds[unit](clocks.dayAt(at));
          last = { start: clocks.startOf(first), end: clocks.startOf(next) };
        }
        return [last];
      };
    },
  };
};
