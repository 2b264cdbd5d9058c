import type { ValueCodec } from "./step_state.ts";

/** One of so many writes is looked at: often enough to follow values that grow, seldom enough to cost nothing. */
const everyWrites = 128;
/** How much one value counts against those before it. */
const weight = 1 / 16;

/**
 * How long the values of one column are when they are encoded, without encoding them: learned from those that were read or written down, and from a sample of those that are only held.
 */
export class ValueSizes<T> {
  readonly #codec: ValueCodec<T>;
  #writes = 0;
  #known = false;
  /** Bytes of a value, on average; newer ones count for more. */
  average = 0;

  constructor(codec: ValueCodec<T>) {
    this.#codec = codec;
  }

  /** A value has this length. */
  learn(bytes: number): void {
    if (this.#known) this.average += (bytes - this.average) * weight;
    else this.average = bytes;
    this.#known = true;
  }

  /** Called with each value that is set: gives the length of those that belong to the sample. What cannot be encoded is not measured; whoever writes it down says so. */
  sample(value: T): number | undefined {
    if (this.#writes++ % everyWrites !== 0) return undefined;
    let bytes: number;
    try {
      bytes = this.#codec.encode(value).length;
    } catch {
      return undefined;
    }
    this.learn(bytes);
    return bytes;
  }
}
