/**
 * Tells when nothing has come for so long. It is asked once per watermark period: the first time that nothing has come since the time before, the countdown begins, and a later time more than the limit after that finds it over (Flink: IdlenessTimer).
 */
export class IdlenessTimer {
  readonly #limitMs: number;
  #active = false;
  #sinceMs: number | undefined;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Something has come. */
  activity(): void {
    this.#active = true;
  }

  isIdle(nowMs: number): boolean {
    if (this.#active) {
      this.#active = false;
      this.#sinceMs = undefined;
      return false;
    }
    this.#sinceMs ??= nowMs;
    return nowMs - this.#sinceMs > this.#limitMs;
  }
}
