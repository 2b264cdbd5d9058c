/** What one of several parts of a stream has said of event time. */
export class PartTime {
  watermark: number = Number.NEGATIVE_INFINITY;
  idle = false;

  /** A watermark ends idleness, and it never falls; true when it has risen. */
  reach(watermark: number): boolean {
    this.idle = false;
    if (!(watermark > this.watermark)) return false;
    this.watermark = watermark;
    return true;
  }
}

/**
 * Joins the event time of several parts into one: the smallest watermark of those that are not idle, the largest when all are, since none of them will say anything smaller; it never falls. A part that comes back from idleness counts at once, other than at a valve. The inputs of one step are joined so, and
 * the splits of one source. What parts have said has its effect when `combine` is called. The rules are those of Flink's CombinedWatermarkStatus.
 */
export class CombinedWatermark {
  readonly #parts = new Set<PartTime>();
  #watermark = Number.NEGATIVE_INFINITY;
  #idle = false;

  get watermark(): number {
    return this.#watermark;
  }

  /** Every part was idle when they were last joined. */
  get idle(): boolean {
    return this.#idle;
  }

  add(): PartTime {
    const part = new PartTime();
    this.#parts.add(part);
    return part;
  }

  remove(part: PartTime): void {
    this.#parts.delete(part);
  }

  /** True when the watermark has risen. */
  combine(): boolean {
    if (this.#parts.size === 0) return false;
    let smallest = Number.POSITIVE_INFINITY;
    let largest = Number.NEGATIVE_INFINITY;
    let allIdle = true;
    for (const part of this.#parts) {
      if (part.watermark > largest) largest = part.watermark;
      if (part.idle) continue;
      allIdle = false;
      if (part.watermark < smallest) smallest = part.watermark;
    }
    this.#idle = allIdle;
    const joined = allIdle ? largest : smallest;
    if (!(joined > this.#watermark)) return false;
    this.#watermark = joined;
    return true;
  }
}
