/**
 * Writes the fields of a request. Kafka has two encodings: the older one with fixed-size lengths, and the "flexible" one of newer request versions with lengths
 * as varints plus one and a block of tagged fields, here always empty, after every structure (KIP-482).
 */
export class WireWriter {
  readonly flexible: boolean;
  #buffer: Buffer;
  #position = 0;

  constructor(flexible = false, initialBytes = 256) {
    this.flexible = flexible;
    this.#buffer = Buffer.allocUnsafe(initialBytes);
  }

  /** What has been written so far. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#position);
  }

  int8(value: number): this {
    this.#position = this.#room(1).writeInt8(value, this.#position);
    return this;
  }

  int16(value: number): this {
    this.#position = this.#room(2).writeInt16BE(value, this.#position);
    return this;
  }

  int32(value: number): this {
    this.#position = this.#room(4).writeInt32BE(value, this.#position);
    return this;
  }

  int64(value: number | bigint): this {
    this.#position = this.#room(8).writeBigInt64BE(BigInt(value), this.#position);
    return this;
  }

  boolean(value: boolean): this {
    return this.int8(value ? 1 : 0);
  }

  unsignedVarint(value: number): this {
    const buffer = this.#room(5);
    let rest = value >>> 0;
    while (rest > 127) {
      buffer[this.#position++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    buffer[this.#position++] = rest;
    return this;
  }

  string(value: string | null): this {
    const length = value === null ? -1 : Buffer.byteLength(value);
    if (this.flexible) this.unsignedVarint(length + 1);
    else this.int16(length);
    if (value !== null) this.#position += this.#room(length).write(value, this.#position);
    return this;
  }

  byteArray(value: Uint8Array | null): this {
    this.byteArrayLength(value);
    if (value !== null) {
      this.#room(value.length).set(value, this.#position);
      this.#position += value.length;
    }
    return this;
  }

  /** The length alone; the bytes themselves are then sent from where they are. */
  byteArrayLength(value: Uint8Array | null): this {
    const length = value === null ? -1 : value.length;
    return this.flexible ? this.unsignedVarint(length + 1) : this.int32(length);
  }

  array<Item>(items: readonly Item[], write: (item: Item) => void): this {
    this.arrayLength(items.length);
    for (const item of items) write(item);
    return this;
  }

  arrayLength(length: number): this {
    return this.flexible ? this.unsignedVarint(length + 1) : this.int32(length);
  }

  nullArray(): this {
    return this.flexible ? this.unsignedVarint(0) : this.int32(-1);
  }

  /** Ends a structure: no tagged fields follow. Nothing in the older encoding. */
  end(): this {
    return this.flexible ? this.unsignedVarint(0) : this;
  }

  #room(bytes: number): Buffer {
    const needed = this.#position + bytes;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, this.#position);
      this.#buffer = larger;
    }
    return this.#buffer;
  }
}
