import { type Clock, sleep } from "../../core/ports/clock.ts";
import type { VirtualClock } from "../../core/time_source/virtual_clock.ts";

/** The clock of a process that takes time for what it does: each look at it takes some, and that passes for all others while it waits. So long work is cut into slices, and ticks, commits and rebalances come in between, as they do on a machine. */
export const busyClock = (clock: VirtualClock, lookMs: number): Clock => {
  let busyUntilMs = 0;
  const aheadMs = (): number => Math.max(0, busyUntilMs - clock.monotonic());
  const busy: Clock = {
    now: () => clock.now() + Math.floor(aheadMs()),
    monotonic: () => (busyUntilMs = Math.max(busyUntilMs, clock.monotonic()) + lookMs),
    after: (delayMs, callback) => clock.after(aheadMs() + delayMs, callback),
    yield: () => sleep(busy, 0),
  };
  return busy;
};
