import { type Clock, sleep, type Timeout } from "../../core/ports/clock.ts";

/**
 * The clock of one simulated process: it stops when the process stands still, ends when the process dies, and its wall time may jump. A process that takes time for what it does takes some at each look at the clock.
 */
export class ProcessClock implements Clock {
  readonly #world: Clock;
  readonly #lookMs: number;
  readonly #timers = new Set<Timeout>();
  #late: (() => void)[] = [];
  #busyUntilMs = 0;
  #skewMs = 0;
  #state: "going" | "standing" | "dead" = "going";

  /** @param lookMs what each look at the monotonic clock takes */
  constructor(world: Clock, lookMs: number) {
    this.#world = world;
    this.#lookMs = lookMs;
  }

  now(): number {
    return Math.floor(this.#world.now() + this.#aheadMs + this.#skewMs);
  }

  monotonic(): number {
    return (this.#busyUntilMs = Math.max(this.#busyUntilMs, this.#world.monotonic()) + this.#lookMs);
  }

  after(delayMs: number, callback: () => void): Timeout {
    let over = false;
    const run = (): void => {
      if (over) return;
      if (this.#state === "standing") return void this.#late.push(run);
      over = true;
      this.#timers.delete(timeout);
      if (this.#state === "going") callback();
    };
    const timer = this.#world.after(this.#aheadMs + (Number.isNaN(delayMs) ? 0 : Math.max(0, delayMs)), run);
    const timeout: Timeout = {
      cancel: () => {
        over = true;
        this.#timers.delete(timeout);
        timer.cancel();
      },
    };
    this.#timers.add(timeout);
    return timeout;
  }

  yield(): Promise<void> {
    return sleep(this, 0);
  }

  /** Timers that are set and have not come. */
  get pending(): number {
    return this.#timers.size;
  }

  jump(byMs: number): void {
    this.#skewMs += byMs;
  }

  /** What becomes due from now on waits until the process goes on. */
  stand(): void {
    if (this.#state === "going") this.#state = "standing";
  }

  go(): void {
    if (this.#state !== "standing") return;
    this.#state = "going";
    const late = this.#late;
    this.#late = [];
    for (const run of late) this.#world.after(0, run);
  }

  /** Nothing comes any more. */
  die(): void {
    this.#state = "dead";
    this.#late = [];
    for (const timer of [...this.#timers]) timer.cancel();
  }

  get #aheadMs(): number {
    return Math.max(0, this.#busyUntilMs - this.#world.monotonic());
  }
}
