import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { days, hours, millis } from "../../../core/duration.ts";
import type { Assigner } from "../../../core/window/assigner.ts";
import { type CalendarUnit, calendar } from "../../../core/window/calendar.ts";
import { cumulative } from "../../../core/window/cumulative.ts";
import type { Window } from "../../../core/window/window.ts";

const windowsOf = ({ open, space }: Assigner<unknown, Window>, timestamp: number, processingTime = 0): readonly Window[] =>
  open()(null, timestamp, { processingTime: () => processingTime }).map((known) => space.window(known));

const at = (text: string): number => Date.parse(text);
const shown = (timestamp: number): string => new Date(timestamp).toISOString().replace(/:00\.000Z$/, "Z");
const window = (unit: CalendarUnit, zone: string, moment: string): readonly string[] => {
  const [{ start, end }] = windowsOf(calendar({ unit, zone }), at(moment)) as [Window];
  return [shown(start), shown(end)];
};

describe("calendar windows", () => {
  it("are days, weeks, months and years of the zone", () => {
    expect(window("day", "UTC", "2026-03-05T12:00Z")).toEqual(["2026-03-05T00:00Z", "2026-03-06T00:00Z"]);
    expect(window("day", "Asia/Kolkata", "2026-03-05T20:00Z")).toEqual(["2026-03-05T18:30Z", "2026-03-06T18:30Z"]);
    expect(window("week", "America/New_York", "2026-01-04T12:00Z")).toEqual(["2025-12-29T05:00Z", "2026-01-05T05:00Z"]);
    expect(window("month", "Europe/Paris", "2024-02-29T23:30Z")).toEqual(["2024-02-29T23:00Z", "2024-03-31T22:00Z"]);
    expect(window("year", "Pacific/Auckland", "2025-12-31T12:00Z")).toEqual(["2025-12-31T11:00Z", "2026-12-31T11:00Z"]);
  });

  it("are as long as the clocks of the zone make them", () => {
    // An hour less in spring, an hour more in autumn.
    expect(window("day", "Europe/Paris", "2026-03-29T12:00Z")).toEqual(["2026-03-28T23:00Z", "2026-03-29T22:00Z"]);
    expect(window("day", "Europe/Paris", "2026-10-25T12:00Z")).toEqual(["2026-10-24T22:00Z", "2026-10-25T23:00Z"]);
    // Clocks that jump over midnight: the day begins with the jump, at one o'clock.
    expect(window("day", "America/Sao_Paulo", "2018-11-04T12:00Z")).toEqual(["2018-11-04T03:00Z", "2018-11-05T02:00Z"]);
    // A day that a place has left out altogether.
    expect(window("day", "Pacific/Apia", "2011-12-30T09:59Z")).toEqual(["2011-12-29T10:00Z", "2011-12-30T10:00Z"]);
    expect(window("day", "Pacific/Apia", "2011-12-30T10:00Z")).toEqual(["2011-12-30T10:00Z", "2011-12-31T10:00Z"]);
  });

  it("have every moment in exactly one, without gaps, before 1970 as well", () => {
    const zones = ["UTC", "Europe/Paris", "America/St_Johns", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Casablanca"];
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.constantFrom<CalendarUnit>("day", "week", "month", "year"),
        fc.integer({ min: at("1930-01-01T00:00Z"), max: at("2080-01-01T00:00Z") }),
        (zone, unit, moment) => {
          const assigner = calendar({ unit, zone });
          const [{ start, end }] = windowsOf(assigner, moment) as [Window];
          expect(start <= moment && moment < end).toBe(true);
          expect(windowsOf(assigner, start)).toEqual([{ start, end }]);
          expect(windowsOf(assigner, end - 1)).toEqual([{ start, end }]);
          expect(windowsOf(assigner, end)[0]!.start).toBe(end);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("follow the clock on the wall where that is asked for", () => {
    const assigner = calendar({ unit: "day", zone: "UTC", time: "processing" });
    expect(windowsOf(assigner, 5, days(3) + 7)).toEqual([{ start: days(3), end: days(4) }]);
  });

  it("refuse units and zones that do not exist", () => {
    expect(() => calendar({ unit: "day", zone: "Europe/Atlantis" })).toThrow("There is no time zone 'Europe/Atlantis'");
    expect(() => calendar({ unit: "hour" as "day", zone: "UTC" })).toThrow("There is no calendar window 'hour'");
  });
});

describe("cumulative windows", () => {
  it("hold a record from its step on, up to the whole size", () => {
    const assigner = cumulative({ size: millis(60), step: millis(20), offset: millis(5) });
    expect(windowsOf(assigner, 30)).toEqual([
      { start: 5, end: 45 },
      { start: 5, end: 65 },
    ]);
    expect(windowsOf(assigner, 4)).toEqual([{ start: -55, end: 5 }]);
    expect(windowsOf(assigner, 65).map(({ start }) => start)).toEqual([65, 65, 65]);
  });

  it("are those that begin with the size and have the record, for any time", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1000, max: 1000 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 8 }),
        (moment, step, steps) => {
          const size = step * steps;
          const start = Math.floor(moment / size) * size;
          const ends = Array.from({ length: steps }, (_, i) => start + (i + 1) * step).filter((end) => end > moment);
          expect(windowsOf(cumulative({ size: millis(size), step: millis(step) }), moment)).toEqual(ends.map((end) => ({ start, end })));
        },
      ),
    );
  });

  it("refuse a size that is no whole number of steps", () => {
    expect(() => cumulative({ size: hours(1), step: millis(7) })).toThrow(
      "Cumulative windows cannot grow to 3600000 ms in steps of 7 ms: give a size that is a whole number of steps",
    );
    expect(() => cumulative({ size: hours(1), step: hours(1), offset: hours(1) })).toThrow(
      "The offset of a cumulative window is 3600000 ms",
    );
  });
});
