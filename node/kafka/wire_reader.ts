import { readInt64 } from "./int64.ts";

/** Reads the fields of a response; see WireWriter for the two encodings. Throws RangeError when the bytes end too early. */
export class WireReader {
  readonly flexible: boolean;
  readonly #buffer: Buffer;
  #position = 0;

  constructor(buffer: Buffer, flexible = false) {
    this.#buffer = buffer;
    this.flexible = flexible;
  }

  get left(): number {
    return this.#buffer.length - this.#position;
  }

  int8(): number {
    return this.#buffer.readInt8(this.#advance(1));
  }

  int16(): number {
    return this.#buffer.readInt16BE(this.#advance(2));
  }

  int32(): number {
    return this.#buffer.readInt32BE(this.#advance(4));
  }

  /** For offsets and timestamps: exact up to 2^53. */
  int64(): number {
    return readInt64(this.#buffer, this.#advance(8));
  }

  bigInt64(): bigint {
    return this.#buffer.readBigInt64BE(this.#advance(8));
  }

  boolean(): boolean {
    return this.int8() !== 0;
  }

  unsignedVarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#buffer.readUInt8(this.#advance(1));
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new RangeError("A varint has more than five bytes");
  }

  nullableString(): string | null {
    const length = this.flexible ? this.unsignedVarint() - 1 : this.int16();
    if (length < 0) return null;
    const start = this.#advance(length);
    return this.#buffer.toString("utf8", start, start + length);
  }

  string(): string {
    return this.nullableString() ?? "";
  }

  /** A view, not a copy. */
  byteArray(): Buffer | null {
    const length = this.flexible ? this.unsignedVarint() - 1 : this.int32();
    return length < 0 ? null : this.raw(length);
  }

  raw(length: number): Buffer {
    const start = this.#advance(length);
    return this.#buffer.subarray(start, start + length);
  }

  /** An array that is null is given as an empty one. */
  array<Item>(read: () => Item): Item[] {
    const length = this.flexible ? this.unsignedVarint() - 1 : this.int32();
    const items: Item[] = [];
    for (let index = 0; index < length; index++) items.push(read());
    return items;
  }

  /** Passes over the tagged fields at the end of a structure. Nothing in the older encoding. */
  end(): void {
    if (!this.flexible) return;
    this.tagged(() => {});
  }

  /** Hands each tagged field to `read`, which need not read it to its end. */
  tagged(read: (tag: number, field: WireReader) => void): void {
    for (let left = this.unsignedVarint(); left > 0; left--) {
      const tag = this.unsignedVarint();
      read(tag, new WireReader(this.raw(this.unsignedVarint()), this.flexible));
    }
  }

  #advance(bytes: number): number {
    const at = this.#position;
    if (bytes > this.#buffer.length - at)
      throw new RangeError(`The bytes end at ${this.#buffer.length}, ${bytes} more were to be read at ${at}`);
    this.#position = at + bytes;
    return at;
  }
}
