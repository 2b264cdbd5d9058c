import type { Clock, Timeout } from "../core/ports/clock.ts";
import type { Random } from "../core/ports/random.ts";
import { Macrotasks } from "../core/time_source/macrotasks.ts";

// The neutral file that touches the world: what every runtime has in common, handed to the engine through its ports.

const turns = new Macrotasks();

/** The machine's clock, by the web-standard globals. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, callback): Timeout => {
    // Longer than a timer can be set for: the wait is cut into pieces by whoever waits again.
    const handle = setTimeout(callback, Math.min(delayMs, 2 ** 31 - 1));
    return { cancel: () => clearTimeout(handle) };
  },
  yield: () => turns.turn(),
};

/** The machine's chance. */
export const systemRandom: Random = {
  next: () => Math.random(),
  uuid: () => crypto.randomUUID(),
};

/** A clock on which everything goes `speed` times as fast as on the wall: intervals, timeouts and timestamps alike. For demonstrations. */
export const fastClock = (speed: number): Clock => {
  const startNow = systemClock.now();
  const startMonotonic = systemClock.monotonic();
  const elapsed = (): number => (systemClock.monotonic() - startMonotonic) * speed;
  return {
    now: () => Math.floor(startNow + elapsed()),
    monotonic: elapsed,
    after: (delayMs, callback) => systemClock.after(delayMs / speed, callback),
    yield: () => systemClock.yield(),
  };
};
