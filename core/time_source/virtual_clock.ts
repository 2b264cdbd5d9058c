import type { Clock, Timeout } from "../ports/clock.ts";
import { Macrotasks } from "./macrotasks.ts";
import { TimerHeap } from "./timer_heap.ts";

export interface VirtualClockOptions {
  /** Wall time at the start, milliseconds since 1970. @default 1_700_000_000_000 */
  readonly startMs?: number;
  /** Lets everything run that waits for nothing but its turn; awaited before time moves on. @default one macrotask, before which all microtasks run */
  readonly settle?: () => Promise<void>;
}

/**
 * A clock that stands still until it is told to move. Timers fire one by one in the order of their moments, those of one moment in the order in which they were
 * set, and between two of them everything that can run without time passing runs to its end; so a run is the same every time.
 *
 * @example
 * ```ts
 * import { VirtualClock } from "./virtual_clock.ts";
 *
 * const clock = new VirtualClock();
 * let rang = false;
 * clock.after(1_000, () => {
 *   rang = true;
 * });
 * await clock.advance(999); // rang is false
 * await clock.advance(1); // rang is true
 * ```
 */
export class VirtualClock implements Clock {
  private readonly startMs: number;
  private readonly settle: () => Promise<void>;
  private readonly macrotasks = new Macrotasks();
  private readonly timers = new TimerHeap();
  private elapsedMs = 0;
  private skewMs = 0;

  constructor({ startMs = 1_700_000_000_000, settle }: VirtualClockOptions = {}) {
    this.startMs = startMs;
    this.settle = settle ?? (() => this.macrotasks.turn());
  }

  now(): number {
    return Math.floor(this.startMs + this.elapsedMs + this.skewMs);
  }

  monotonic(): number {
    return this.elapsedMs;
  }

  after(delayMs: number, callback: () => void): Timeout {
    return this.timers.add(this.elapsedMs + (Number.isNaN(delayMs) ? 0 : Math.max(0, delayMs)), callback);
  }

  yield(): Promise<void> {
    return new Promise((resolve) => {
      this.after(0, resolve);
    });
  }

  /** Milliseconds since the start at which the next timer is due; undefined when none is set. */
  get nextDueMs(): number | undefined {
    return this.timers.nextDueMs;
  }

  /** Moves wall time without moving monotonic time: what a clock that is set forward or back does to a program. */
  jump(byMs: number): void {
    this.skewMs += byMs;
  }

  /** Lets so many milliseconds pass and fires what becomes due on the way. */
  advance(byMs: number): Promise<void> {
    const targetMs = this.elapsedMs + byMs;
    return this.macrotasks.during(async () => {
      await this.settle();
      while ((this.timers.nextDueMs ?? Number.POSITIVE_INFINITY) <= targetMs) await this.fireNext();
      this.elapsedMs = targetMs;
    });
  }

  /**
   * Fires timers in order until `done` says so; true when it did. False when no timer is left or the next one lies more than `limitMs` ahead of where
   * this began: nothing that waits will ever come, or it takes too long.
   */
  runUntil(done: () => boolean, limitMs: number = Number.POSITIVE_INFINITY): Promise<boolean> {
    const untilMs = this.elapsedMs + limitMs;
    return this.macrotasks.during(async () => {
      await this.settle();
      while (!done()) {
        const dueMs = this.timers.nextDueMs;
        if (dueMs === undefined || dueMs > untilMs || dueMs === Number.POSITIVE_INFINITY) return false;
        await this.fireNext();
      }
      return true;
    });
  }

  /**
   * The outcome of a promise, with time moving as fast as it has to.
   *
   * @throws Error when the promise is still pending although no timer is left, or after `limitMs` of virtual time: somebody waits for what never comes.
   */
  async complete<T>(work: Promise<T>, limitMs: number = Number.POSITIVE_INFINITY): Promise<T> {
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    work.then(settle, settle);
    if (!(await this.runUntil(() => settled, limitMs)))
      throw new Error(
        this.timers.nextDueMs === undefined
          ? `Nothing is due any more after ${this.elapsedMs} ms of virtual time, but the promise is still pending`
          : `The promise is still pending after ${limitMs} ms of virtual time: look for what it waits for`,
      );
    return work;
  }

  private async fireNext(): Promise<void> {
    const timer = this.timers.pop();
    if (timer === undefined) return;
    this.elapsedMs = Math.max(this.elapsedMs, timer.dueMs);
    timer.fire();
    await this.settle();
  }
}
