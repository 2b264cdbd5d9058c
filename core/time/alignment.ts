/**
 * Holds readers of one group together in event time: none may be further ahead of the slowest than the drift. Only readers that have reported count, and what a reader reports may also fall (Flink: the coordinator's WatermarkAggregator).
 */
export class Alignment<R> {
  readonly #reported = new Map<R, number>();

  report(reader: R, watermark: number): void {
    this.#reported.set(reader, watermark);
  }

  /** The smallest reported watermark; undefined before the first report. */
  get slowest(): number | undefined {
    let slowest: number | undefined;
    for (const watermark of this.#reported.values()) if (slowest === undefined || watermark < slowest) slowest = watermark;
    return slowest;
  }

  /** A reader whose watermark is beyond this has to wait. */
  allowed(maxDriftMs: number): number {
    const { slowest } = this;
    // Before every reader has said something of time, none can be ahead.
    return slowest === undefined || slowest === Number.NEGATIVE_INFINITY ? Number.POSITIVE_INFINITY : slowest + maxDriftMs;
  }
}
