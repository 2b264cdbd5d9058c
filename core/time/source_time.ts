import type { WatermarkGenerator, WatermarkStrategy } from "./watermark_strategy.ts";

/** Event time of one source partition: its generator, and the watermark reached, which never falls. */
export class SourceTime {
  readonly #generator: WatermarkGenerator<unknown>;
  #watermark: number;

  /** @param restored the watermark that was committed with the position; the new one never stands behind it. */
  constructor(strategy: WatermarkStrategy<unknown>, restored: number) {
    this.#generator = strategy.make();
    this.#watermark = restored;
  }

  get watermark(): number {
    return this.#watermark;
  }

  /** True when the record itself brought a new watermark. */
  onRecord(value: unknown, timestamp: number): boolean {
    return this.#raise(this.#generator.onRecord?.(value, timestamp));
  }

  /** Once per watermark period. */
  onPeriod(): boolean {
    return this.#raise(this.#generator.onPeriod?.());
  }

  #raise(watermark: number | undefined): boolean {
    if (watermark === undefined || !(watermark > this.#watermark)) return false;
    this.#watermark = watermark;
    return true;
  }
}
