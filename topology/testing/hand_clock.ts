import type { Clock } from "../../core/ports/clock.ts";
import { Macrotasks } from "../../core/time_source/macrotasks.ts";

/** A clock that stands where the test has put it. */
export class HandClock implements Clock {
  readonly #turns = new Macrotasks();
  #nowMs: number;

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  set(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  after(): never {
    throw new Error("Steps set no timers of the machine: theirs are fired by their task");
  }

  yield(): Promise<void> {
    return this.#turns.during(() => this.#turns.turn());
  }
}
