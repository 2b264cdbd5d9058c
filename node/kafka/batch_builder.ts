import type { RawHeaders } from "../../core/ports/log.ts";
import { batchAttribute, batchField, batchPrefix } from "./batch_format.ts";
import type { BufferPool } from "./buffer_pool.ts";
import { crc32c } from "./crc32c.ts";
import { writeInt64 } from "./int64.ts";
import { writeZigzag, writeZigzagLong, zigzagLength, zigzagLongLength } from "./varint.ts";

/**
 * One record batch under construction. Records are written into its final bytes as they are appended; `stamp` fills in the header once it is known which
 * producer sends it with which sequence, and the stamped bytes are what is sent, again and again if need be.
 */
export class BatchBuilder {
  readonly #pool: BufferPool;
  #buffer: Buffer;
  #position: number = batchField.records;
  #count = 0;
  #baseTimestamp = 0;
  #maxTimestamp = 0;
  #compression = 0;

  constructor(pool: BufferPool) {
    this.#pool = pool;
    this.#buffer = pool.take(1);
  }

  get count(): number {
    return this.#count;
  }

  /** Of the whole batch, header included. */
  get bytes(): number {
    return this.#position;
  }

  get compressed(): boolean {
    return this.#compression !== 0;
  }

  append(key: Uint8Array | null, value: Uint8Array | null, timestamp: number, headers: RawHeaders): void {
    if (this.#count === 0) {
      this.#baseTimestamp = timestamp;
      this.#maxTimestamp = timestamp;
    } else if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp;
    const delta = timestamp - this.#baseTimestamp;
    const small = delta >= -0x40000000 && delta < 0x40000000;
    const keyLength = key === null ? -1 : key.length;
    const valueLength = value === null ? -1 : value.length;
    const body =
      1 +
      (small ? zigzagLength(delta) : zigzagLongLength(delta)) +
      zigzagLength(this.#count) +
      zigzagLength(keyLength) +
      Math.max(keyLength, 0) +
      zigzagLength(valueLength) +
      Math.max(valueLength, 0) +
      (headers.length === 0 ? 1 : headersLength(headers));
    let at = this.#position;
    if (at + body + 5 > this.#buffer.length) this.#grow(at + body + 5);
    const bytes = this.#buffer;
    at = writeZigzag(bytes, at, body);
    bytes[at++] = 0;
    at = small ? writeZigzag(bytes, at, delta) : writeZigzagLong(bytes, at, delta);
    at = writeZigzag(bytes, at, this.#count++);
    at = writeZigzag(bytes, at, keyLength);
    if (keyLength > 0) at = copyInto(bytes, at, key!, keyLength);
    at = writeZigzag(bytes, at, valueLength);
    if (valueLength > 0) at = copyInto(bytes, at, value!, valueLength);
    if (headers.length === 0) bytes[at++] = 0;
    else at = writeHeaders(bytes, at, headers);
    this.#position = at;
  }

  /** Replaces the records by their compressed form; nothing can be appended afterwards. `codec` is Kafka's number of it. */
  async compress(codec: number, compress: (records: Uint8Array) => Uint8Array | Promise<Uint8Array>): Promise<void> {
    const records = await compress(this.#buffer.subarray(batchField.records, this.#position));
    const size = batchField.records + records.length;
    const target = size > this.#buffer.length ? this.#pool.take(size) : this.#buffer;
    target.set(records, batchField.records);
    if (target !== this.#buffer) {
      this.#pool.give(this.#buffer);
      this.#buffer = target;
    }
    this.#position = size;
    this.#compression = codec;
  }

  /** How many bytes the batch would have if its records took so many. */
  bytesWith(size: (records: Uint8Array) => number): number {
    return batchField.records + size(this.#buffer.subarray(batchField.records, this.#position));
  }

  /** The finished batch. The bytes stay valid until `release`, or until it is stamped differently. */
  stamp(producerId: bigint, epoch: number, sequence: number, transactional: boolean): Buffer {
    const bytes = this.#buffer;
    writeInt64(bytes, batchField.baseOffset, 0);
    bytes.writeInt32BE(this.#position - batchPrefix, batchField.length);
    bytes.writeInt32BE(-1, batchField.leaderEpoch);
    bytes[batchField.magic] = 2;
    bytes.writeInt16BE(this.#compression | (transactional ? batchAttribute.transactional : 0), batchField.attributes);
    bytes.writeInt32BE(this.#count - 1, batchField.lastOffsetDelta);
    writeInt64(bytes, batchField.baseTimestamp, this.#baseTimestamp);
    writeInt64(bytes, batchField.maxTimestamp, this.#maxTimestamp);
    bytes.writeBigInt64BE(producerId, batchField.producerId);
    bytes.writeInt16BE(epoch, batchField.producerEpoch);
    bytes.writeInt32BE(sequence, batchField.baseSequence);
    bytes.writeInt32BE(this.#count, batchField.count);
    bytes.writeUInt32BE(crc32c(bytes, batchField.attributes, this.#position), batchField.crc);
    return bytes.subarray(0, this.#position);
  }

  /** Gives the memory back; the builder and its stamped bytes are of no use afterwards. */
  release(): void {
    this.#pool.give(this.#buffer);
    this.#buffer = empty;
    this.#position = 0;
    this.#count = 0;
  }

  #grow(bytes: number): void {
    const larger = this.#pool.take(Math.max(bytes, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#position);
    this.#pool.give(this.#buffer);
    this.#buffer = larger;
  }
}

/** An upper bound of what a record takes in a batch, not counting its headers: the lengths, deltas and attributes need at most 34 bytes. */
export const recordBytesMax = (key: Uint8Array | null, value: Uint8Array | null): number =>
  34 + (key === null ? 0 : key.length) + (value === null ? 0 : value.length);

/** How many bytes the headers of a record take in a batch. */
export const headersLength = (headers: RawHeaders): number => {
  let length = zigzagLength(headers.length);
  for (const [name, value] of headers) {
    const nameLength = encodedName(name).length;
    length += zigzagLength(nameLength) + nameLength;
    length += value == null ? 1 : zigzagLength(value.length) + value.length;
  }
  return length;
};

const writeHeaders = (bytes: Buffer, at: number, headers: RawHeaders): number => {
  at = writeZigzag(bytes, at, headers.length);
  for (const [name, value] of headers) {
    const encoded = encodedName(name);
    at = writeZigzag(bytes, at, encoded.length);
    at = copyInto(bytes, at, encoded, encoded.length);
    at = writeZigzag(bytes, at, value == null ? -1 : value.length);
    if (value != null) at = copyInto(bytes, at, value, value.length);
  }
  return at;
};

/** Below some twenty bytes a loop is faster than the call of `set`. */
const copyInto = (target: Uint8Array, at: number, source: Uint8Array, length: number): number => {
  if (length > 20) {
    target.set(source, at);
    return at + length;
  }
  for (let index = 0; index < length; index++) target[at++] = source[index]!;
  return at;
};

/** Header names repeat in every record; a bounded number of them is kept encoded. */
const encodedName = (name: string): Uint8Array => {
  let encoded = names.get(name);
  if (encoded === undefined) {
    encoded = textEncoder.encode(name);
    if (names.size < namesMax) names.set(name, encoded);
  }
  return encoded;
};
const namesMax = 1000;
const names = new Map<string, Uint8Array>();
const textEncoder = new TextEncoder();
const empty = Buffer.alloc(0);
