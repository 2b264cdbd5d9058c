/** What happened, line by line with its moment, and a hash over everything, so that two runs can be told to be the same. */
export class Trace {
  readonly lines: string[] = [];
  readonly #nowMs: () => number;
  #low = 0x811c9dc5;
  #high = 0x01234567;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Kept, to be read by a person. */
  tell(what: string): void {
    const line = `${this.#nowMs().toFixed(1).padStart(9)} ms  ${what}`;
    this.lines.push(line);
    this.mix(line);
  }

  /** Counts for the hash only. */
  mix(what: string): void {
    // Two FNV-1a of 32 bits with different beginnings; it only has to tell runs of one program apart.
    for (let i = 0; i < what.length; i++) {
      const unit = what.charCodeAt(i);
      this.#low = Math.imul(this.#low ^ unit, 0x01000193);
      this.#high = Math.imul(this.#high ^ (unit + 1), 0x01000193);
    }
  }

  mixMoment(): void {
    this.mix(String(this.#nowMs()));
  }

  get hash(): string {
    const hex = (n: number): string => (n >>> 0).toString(16).padStart(8, "0");
    return hex(this.#high) + hex(this.#low);
  }
}
