import { encodeUtf8Into } from "./utf8.ts";

/**
 * A place to write bytes one after the other, and to take them away as an array of their own.
 *
 * Allocating is what encoding small values costs most: an array of more than 64 bytes lives outside of the JavaScript heap and takes about half a microsecond
 * to make. So arrays up to 64 bytes are copied out, those up to `pooledBytesMax` are views of a shared page that is filled once and never written again, and
 * larger ones are copied out of a scratch buffer. A view keeps its page of `pageBytes` alive, the same bargain that Node's Buffer makes.
 */
export class ByteWriter {
  /** Where `at` points into. Replaced when it gets too small: read it again after `room`. */
  bytes: Uint8Array;
  /** The same memory, for numbers of several bytes. */
  view: DataView;
  /** Where the next byte goes. */
  at = 0;
  #start = 0;
  #page: Uint8Array;
  #pageView: DataView;
  #scratch: Uint8Array | undefined;
  /** What `lend` has given, by length. */
  readonly #lent: Uint8Array[] = [];

  constructor() {
    this.#page = this.bytes = new Uint8Array(pageBytes);
    this.#pageView = this.view = new DataView(this.#page.buffer);
  }

  /** Starts a new array; what was written and not taken is forgotten. */
  begin(): void {
    if (this.bytes !== this.#page) {
      this.bytes = this.#page;
      this.view = this.#pageView;
    }
    this.at = this.#start;
  }

  /** How many bytes have been written since `begin`. */
  get length(): number {
    return this.at - this.#startOf();
  }

  /** Makes sure that so many bytes more can be written. */
  room(bytes: number): void {
    if (this.at + bytes > this.bytes.length) this.#grow(bytes);
  }

  byte(value: number): void {
    if (this.at === this.bytes.length) this.#grow(1);
    this.bytes[this.at++] = value;
  }

  /** Copies an array in, or a part of it. */
  append(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    const length = end - start;
    this.room(length);
    if (length <= loopBytes) for (let at = 0; at < length; at++) this.bytes[this.at + at] = bytes[start + at]!;
    else this.bytes.set(length === bytes.length ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset + start, length), this.at);
    this.at += length;
  }

  /** Writes a string as UTF-8; false when it holds half of a surrogate pair, which UTF-8 cannot express. */
  utf8(value: string): boolean {
    this.room(value.length * 3);
    const written = encodeUtf8Into(value, this.bytes, this.at);
    if (written < 0) return false;
    this.at += written;
    return true;
  }

  /** What was written since `begin`, as an array that nobody writes to again. */
  take(): Uint8Array {
    const start = this.#startOf();
    const length = this.at - start;
    if (this.bytes !== this.#page || length > pooledBytesMax) {
      const taken = this.bytes.slice(start, this.at);
      this.begin();
      return taken;
    }
    if (length <= heapBytesMax) {
      const taken = this.bytes.slice(start, this.at);
      this.at = start;
      return taken;
    }
    return this.share();
  }

  /** The same, as a view of the page whatever its length: for what does not last, since it keeps the whole page alive. */
  share(): Uint8Array {
    const length = this.length;
    if (this.bytes !== this.#page || length > pooledBytesMax) return this.take();
    // Half as costly as `subarray`, which has to ask for the species first.
    const shared = new Uint8Array(this.bytes.buffer, this.#start, length);
    this.#start = this.at;
    if (pageBytes - this.at < pooledBytesMax) this.#turnPage();
    return shared;
  }

  /** The same, until the next `begin`: for who copies it at once. A writer that lends never gives away. */
  lend(): Uint8Array {
    const { length } = this;
    if (this.bytes !== this.#page || this.#start !== 0) return this.bytes.subarray(this.#startOf(), this.at);
    if (length > lentBytesMax) return new Uint8Array(this.bytes.buffer, 0, length);
    return (this.#lent[length] ??= new Uint8Array(this.bytes.buffer, 0, length));
  }

  // In the scratch buffer an array always begins at zero.
  #startOf(): number {
    return this.bytes === this.#page ? this.#start : 0;
  }

  #grow(bytes: number): void {
    const start = this.#startOf();
    const length = this.at - start;
    const wanted = Math.max(length + bytes, length * 2, pageBytes * 2);
    const written = this.bytes.subarray(start, this.at);
    if (this.#scratch === undefined || this.#scratch.length < wanted || this.bytes === this.#scratch)
      this.#scratch = new Uint8Array(wanted);
    this.#scratch.set(written, 0);
    this.bytes = this.#scratch;
    this.view = new DataView(this.#scratch.buffer);
    this.at = length;
    if (this.#scratch.length > scratchBytesMax) this.#scratch = undefined;
  }

  #turnPage(): void {
    this.#page = this.bytes = new Uint8Array(pageBytes);
    this.#pageView = this.view = new DataView(this.#page.buffer);
    this.#start = this.at = 0;
  }
}

const pageBytes = 8192;
const pooledBytesMax = 2048;
// Beyond this length it is cheaper to make a view than to have kept it.
const lentBytesMax = 512;
// V8 keeps typed arrays up to this size on its own heap, where making one is as cheap as making an object.
const heapBytesMax = 64;
// Below it a loop is faster than the call into the engine that `set` is.
const loopBytes = 24;
// A larger scratch buffer is not kept: one huge value shall not hold memory for ever.
const scratchBytesMax = 1 << 20;

const idle: ByteWriter[] = [];

/**
 * Runs `write` on a writer of its own and gives what it wrote. Writers are kept for the next call; should `write` come here again (a getter of a value that is
 * being written may do anything), the inner call gets another one.
 */
export const writeBytes = <A>(write: (to: ByteWriter, value: A) => void, value: A): Uint8Array => {
  const writer = idle.pop() ?? new ByteWriter();
  try {
    writer.begin();
    write(writer, value);
    return writer.take();
  } finally {
    idle.push(writer);
  }
};

/** The same for what does not last: a view of a shared page, whatever its length. */
export const shareBytes = <A>(write: (to: ByteWriter, value: A) => void, value: A): Uint8Array => {
  const writer = idle.pop() ?? new ByteWriter();
  try {
    writer.begin();
    write(writer, value);
    return writer.share();
  } finally {
    idle.push(writer);
  }
};
