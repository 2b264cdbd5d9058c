import type { Clock, Timeout } from "../../core/ports/clock.ts";

/** Repeats a heartbeat until stopped: after each answer it waits, after a failure of the network only a little. */
export class Heartbeats {
  readonly #clock: Clock;
  readonly #everyMs: number;
  readonly #beat: () => Promise<void>;
  #stopped = false;
  #timeout: Timeout | undefined;

  constructor(clock: Clock, everyMs: number, beat: () => Promise<void>) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#beat = beat;
    this.#wait(everyMs);
  }

  stop(): void {
    this.#stopped = true;
    this.#timeout?.cancel();
  }

  /** Brings the next one forward, unless one is under way. */
  now(): void {
    if (this.#timeout === undefined || this.#stopped) return;
    this.#timeout.cancel();
    this.#send();
  }

  #wait(ms: number): void {
    if (!this.#stopped) this.#timeout = this.#clock.after(ms, () => this.#send());
  }

  #send(): void {
    this.#timeout = undefined;
    this.#beat().then(
      () => this.#wait(this.#everyMs),
      () => this.#wait(Math.min(this.#everyMs, afterFailureMs)),
    );
  }
}

const afterFailureMs = 200;
