/**
 * Keeps byte buffers that are done with for the next use: a fresh buffer of a quarter megabyte costs page faults worth more than filling it. Buffers come in
 * powers of two; what would make the kept bytes exceed the bound is left to the garbage collector.
 */
export class BufferPool {
  readonly #keptBytesMax: number;
  readonly #free = new Map<number, Buffer[]>();
  #keptBytes = 0;

  constructor(keptBytesMax: number) {
    this.#keptBytesMax = keptBytesMax;
  }

  /** A buffer of at least so many bytes, with arbitrary content. */
  take(bytes: number): Buffer {
    const size = powerOfTwo(bytes);
    const buffer = this.#free.get(size)?.pop();
    if (buffer === undefined) return Buffer.allocUnsafeSlow(size);
    this.#keptBytes -= size;
    return buffer;
  }

  /** Gives a buffer back; nobody may read or write it any more. */
  give(buffer: Buffer): void {
    const size = buffer.length;
    if (size !== powerOfTwo(size) || this.#keptBytes + size > this.#keptBytesMax) return;
    const free = this.#free.get(size);
    if (free === undefined) this.#free.set(size, [buffer]);
    else free.push(buffer);
    this.#keptBytes += size;
  }

  get keptBytes(): number {
    return this.#keptBytes;
  }
}

const smallest = 4096;
const powerOfTwo = (bytes: number): number => (bytes <= smallest ? smallest : 2 ** Math.ceil(Math.log2(bytes)));
