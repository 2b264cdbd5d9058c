import type { WindowClock } from "./assigner.ts";
import type { Window } from "./window.ts";
import type { WindowSpace } from "./window_space.ts";

/** When windows are over, and take no record any more. */
export class Closing {
  readonly time: WindowClock;
  readonly latenessMs: number;
  readonly #space: WindowSpace<any, Window>;

  constructor(space: WindowSpace<any, Window>, time: WindowClock, latenessMs: number) {
    this.#space = space;
    this.time = time;
    // By the clock nothing is late.
    this.latenessMs = time === "event" ? latenessMs : 0;
  }

  /** The moment from which on the window is over; +Infinity for never. */
  at(window: unknown): number {
    return this.#space.maxTimestamp(window) + this.latenessMs;
  }

  /** The window is over for records that come when event time has got to `now`. Windows of the clock are those of the moment. */
  isOver(window: unknown, now: number): boolean {
    if (this.time !== "event") return false;
    const at = this.at(window);
    return at <= now && at !== Number.POSITIVE_INFINITY;
  }
}
