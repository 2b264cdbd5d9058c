import { windowError } from "./window_error.ts";

/** A day as people of one place count it. */
export interface CivilDay {
  readonly year: number;
  /** 1 to 12. Others count on into the years beside. */
  readonly month: number;
  /** From 1. Others count on into the months beside. */
  readonly day: number;
}

const dayMs = 86_400_000;

/** The clocks of one place: what day it is there, and when a day begins. */
export class TimeZone {
  readonly #format: Intl.DateTimeFormat;

  /** @throws TopologyError (WINDOW_INVALID) when there is no such zone */
  constructor(zone: string) {
    try {
      this.#format = new Intl.DateTimeFormat("en-US", {
        timeZone: zone,
        calendar: "gregory",
        numberingSystem: "latn",
        hourCycle: "h23",
        era: "narrow",
        year: "numeric",
        month: "numeric",
        day: "numeric",
        hour: "numeric",
        minute: "numeric",
        second: "numeric",
      });
    } catch {
      throw windowError(`There is no time zone '${zone}': give a name such as "Europe/Paris" or "UTC"`);
    }
  }

  dayAt(timestamp: number): CivilDay {
    return civilDay(Math.floor(this.#local(timestamp) / dayMs));
  }

  /** The first millisecond of the day: midnight, the earlier one where there are two, and where clocks jump over midnight the moment of the jump. */
  startOf(day: CivilDay): number {
    const local = dayNumber(day) * dayMs;
    const before = this.#offset(local - dayMs);
    const after = this.#offset(local + dayMs);
    const first = Math.min(local - before, local - after);
    const last = Math.max(local - before, local - after);
    for (const candidate of [first, last]) if (this.#local(candidate) === local) return candidate;
    let [low, high] = [first, last];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.#local(middle) >= local) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** How far the clocks are ahead of Greenwich's. */
  #offset(timestamp: number): number {
    return this.#local(timestamp) - timestamp;
  }

  /** What the clocks show, as milliseconds since they showed the beginning of 1970. */
  #local(timestamp: number): number {
    const whole = Math.floor(timestamp / 1000) * 1000;
    const shown: Record<string, string> = {};
    for (const { type, value } of this.#format.formatToParts(whole)) shown[type] = value;
    const year = shown["era"]!.startsWith("B") ? 1 - Number(shown["year"]) : Number(shown["year"]);
    const days = dayNumber({ year, month: Number(shown["month"]), day: Number(shown["day"]) });
    const seconds = (Number(shown["hour"]) * 60 + Number(shown["minute"])) * 60 + Number(shown["second"]);
    return days * dayMs + seconds * 1000 + (timestamp - whole);
  }
}

/** Days since 1970-01-01 in the Gregorian calendar. Years are counted from March, so that a leap day is the last of its year (H. Hinnant, chrono-compatible low-level date algorithms). */
const dayNumber = ({ year, month, day }: CivilDay): number => {
  const months = year * 12 + (month - 1) - 2;
  const y = Math.floor(months / 12);
  const m = months - y * 12;
  return y * 365 + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + Math.floor((153 * m + 2) / 5) + (day - 1) - 719_468;
};

const civilDay = (number: number): CivilDay => {
  const days = number + 719_468;
  const era = Math.floor(days / 146_097);
  const ofEra = days - era * 146_097;
  const yearOfEra = Math.floor((ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365);
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * ofYear + 2) / 153);
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day: ofYear - Math.floor((153 * fromMarch + 2) / 5) + 1 };
};

/** From 0 for Monday. */
export const weekday = (day: CivilDay): number => {
  const sinceMonday = (dayNumber(day) + 3) % 7;
  return sinceMonday < 0 ? sinceMonday + 7 : sinceMonday;
};
