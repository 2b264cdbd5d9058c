/**
 * How large batches may become, by topic. It begins with one limit for all; a topic whose broker refuses a batch of several records gets a smaller one from then
 * on, so that the refusal happens once and not with every batch.
 */
export class BatchLimits {
  readonly #batchBytes: number;
  readonly #lowered = new Map<string, number>();

  constructor(batchBytes: number) {
    this.#batchBytes = batchBytes;
  }

  of(topic: string): number {
    return this.#lowered.get(topic) ?? this.#batchBytes;
  }

  /** A batch of so many bytes was too large. */
  refused(topic: string, bytes: number): void {
    this.#lowered.set(topic, Math.min(this.of(topic), Math.floor(bytes / 2)));
  }
}
