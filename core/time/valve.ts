/**
 * Joins the watermarks and idleness of several channels into one: the smallest watermark of the channels that are active and have caught up; it never falls. A channel that comes back from idleness counts again only when it has
 * reached what was already said, so that time does not seem to go back. When the last channel falls idle, the largest watermark of all is what remains to be said, since none of them will say anything smaller.
 * The rules are those of Flink's StatusWatermarkValve.
 */
export class Valve {
  readonly #watermarks: number[];
  readonly #idle: boolean[];
  readonly #aligned: boolean[];
  #watermark = Number.NEGATIVE_INFINITY;
  #allIdle = false;

  constructor(channels: number) {
    this.#watermarks = new Array(channels).fill(Number.NEGATIVE_INFINITY);
    this.#idle = new Array(channels).fill(false);
    this.#aligned = new Array(channels).fill(true);
  }

  get watermark(): number {
    return this.#watermark;
  }

  get idle(): boolean {
    return this.#allIdle;
  }

  get channels(): number {
    return this.#watermarks.length;
  }

  /** True when something that the outside can see has changed. */
  inputWatermark(channel: number, watermark: number): boolean {
    if (this.#idle[channel] || watermark <= this.#watermarks[channel]!) return false;
    this.#watermarks[channel] = watermark;
    if (!this.#aligned[channel] && watermark >= this.#watermark) this.#aligned[channel] = true;
    return this.#raise(this.#smallest());
  }

  inputStatus(channel: number, idle: boolean): boolean {
    if (this.#idle[channel] === idle) return false;
    this.#idle[channel] = idle;
    if (idle) {
      this.#aligned[channel] = false;
      if (this.#idle.every((one) => one)) {
        if (this.#watermarks[channel] === this.#watermark) this.#raise(Math.max(...this.#watermarks));
        this.#allIdle = true;
        return true;
      }
      return this.#raise(this.#smallest());
    }
    if (this.#watermarks[channel]! >= this.#watermark) this.#aligned[channel] = true;
    const changed = this.#allIdle;
    this.#allIdle = false;
    return changed;
  }

  /** What the one channel says stands, whatever was said before: an operator is told so when nothing is in front of it. */
  overrule(watermark: number): void {
    this.#watermarks[0] = watermark;
    this.#watermark = watermark;
  }

  /** One more channel: time then stands until it has something to say. */
  addChannel(): number {
    this.#watermarks.push(Number.NEGATIVE_INFINITY);
    this.#idle.push(false);
    this.#aligned.push(true);
    this.#allIdle = false;
    return this.#watermarks.length - 1;
  }

  #smallest(): number {
    let smallest = Number.POSITIVE_INFINITY;
    let any = false;
    for (let i = 0; i < this.#watermarks.length; i++) {
      if (!this.#aligned[i]) continue;
      any = true;
      if (this.#watermarks[i]! < smallest) smallest = this.#watermarks[i]!;
    }
    return any ? smallest : Number.NEGATIVE_INFINITY;
  }

  #raise(watermark: number): boolean {
    if (watermark <= this.#watermark) return false;
    this.#watermark = watermark;
    return true;
  }
}
