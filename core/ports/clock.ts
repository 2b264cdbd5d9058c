/**
 * What the engine knows of time. `node/` and the embedded run pass the machine's clock, tests and the simulation a virtual one; a demonstration may
 * pass one that runs faster than the wall.
 */
export interface Clock {
  /** Wall time, milliseconds since 1970. Used for timestamps and processing-time timers; may jump. */
  now(): number;
  /** Milliseconds since some fixed moment; never falls. Used for intervals, timeouts and idleness. */
  monotonic(): number;
  /** Calls back once after so many milliseconds, in a macrotask of its own. The handle cancels it; cancelling twice is harmless. */
  after(delayMs: number, callback: () => void): Timeout;
  /** Resolves in a later macrotask: lets sockets and timers have their turn during long synchronous work. */
  yield(): Promise<void>;
}

export interface Timeout {
  cancel(): void;
}

/** Resolves after so many milliseconds of the given clock. */
export const sleep = (clock: Clock, delayMs: number): Promise<void> =>
  new Promise((resolve) => {
    clock.after(delayMs, resolve);
  });
