import type { ValueCodec } from "./step_state.ts";

/** One of so many writes is looked at, a power of two: often enough to follow values that grow, seldom enough to cost nothing. */
const everyWrites = 128;
/** How little one value counts against those before it: a power of two. */
const inertia = 4;

/**
 * How long the values of one column are when they are encoded, without encoding them: learned from those that were read or written down, and from a sample of those that are only held.
 */
export class ValueSizes<T> {
  readonly #codec: ValueCodec<T>;
  #writes = 0;
  #known = false;
  /** Bytes of a value, on average; newer ones count for more. Whole, as a fraction in every entry would cost each of them an object. */
  average = 0;

  constructor(codec: ValueCodec<T>) {
    this.#codec = codec;
  }

  /** A value has this length. */
  learn(bytes: number): void {
    // Rounded away from the average, so that it comes all the way.
    if (this.#known) this.average += bytes > this.average ? (bytes - this.average + 15) >> inertia : (bytes - this.average) >> inertia;
    else this.average = bytes;
    this.#known = true;
  }

  /** Asked for each value that is set: whether it belongs to the sample. */
  isToSample(): boolean {
    return (this.#writes++ & (everyWrites - 1)) === 0;
  }

  /** How long a value is, by encoding it. What cannot be encoded counts as the others do; whoever writes it down says so. */
  sample(value: T): number {
    try {
      const { length } = this.#codec.encode(value);
      this.learn(length);
      return length;
    } catch {
      return this.average;
    }
  }
}
