import { type Isolation, LogError, type LogErrorCode, noHeaders, type RawHeaders, type RecordCursor } from "../../core/ports/log.ts";
import { batchAttribute, batchField, batchPrefix } from "./batch_format.ts";
import type { Decompress } from "./compression.ts";
import { crc32c } from "./crc32c.ts";
import { readInt64 } from "./int64.ts";

/** One entry of a fetch response's list of aborted transactions. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

export interface BatchCursorOptions {
  readonly topic: string;
  readonly partition: number;
  /** The fetch offset. The first batch may begin before it; those records are passed over. */
  readonly from: number;
  readonly isolation: Isolation;
  readonly aborted: readonly AbortedTransaction[];
  readonly decompress: Decompress;
}

/**
 * Walks the records of the batches of one partition without copying them: `next` only notes where key, value and headers stand.
 *
 * Read-committed means: a producer's id counts as aborted from a listed transaction's first offset on until the marker that ends it, and transactional batches
 * of such an id are passed over. An entry takes effect before the batch that contains its first offset, markers included (a fetch may begin at the marker), several
 * of them at one batch if need be. Only a control batch is ever looked at for a marker: a data record may well have a key that looks like one.
 */
export class BatchCursor implements RecordCursor {
  offset = -1;
  timestamp = -1;

  readonly #options: BatchCursorOptions;
  readonly #from: number;
  readonly #source: Buffer;
  /** Where the next batch begins. */
  #batchAt = 0;
  readonly #aborted: readonly AbortedTransaction[];
  #abortedAt = 0;
  readonly #abortedIds = new Set<bigint>();

  /** The records of the current batch: the source itself, or what was decompressed. */
  #records: Buffer;
  /** The same for who reads in place. */
  #bytes: Uint8Array;
  #recordsEnd = 0;
  #recordAt = 0;
  #left = 0;
  #baseOffset = 0;
  #baseTimestamp = 0;
  /** The one timestamp of all its records when the broker chose it, else undefined. */
  #appendTime: number | undefined;

  #keyStart = -1;
  #keyLength = -1;
  #valueStart = -1;
  #valueLength = -1;
  #headersStart = 0;
  #recordEnd = 0;

  constructor(source: Buffer, options: BatchCursorOptions) {
    this.#source = source;
    this.#records = source;
    this.#bytes = source;
    this.#options = options;
    this.#from = options.from;
    this.#aborted =
      options.isolation === "read-committed" && options.aborted.length > 0
        ? options.aborted.toSorted((one, other) => one.firstOffset - other.firstOffset)
        : none;
  }

  next(): boolean {
    for (;;) {
      if (this.#left === 0 && !this.#openBatch()) return false;
      this.#left--;
      const bytes = this.#records;
      let at = this.#recordAt;
      let byte = 0;
      let shift = 0;

      let length = bytes[at++]!;
      if (length > 127) {
        length &= 127;
        shift = 7;
        do {
          byte = bytes[at++]!;
          length |= (byte & 127) << shift;
          shift += 7;
        } while (byte > 127);
      }
      const end = at + ((length >>> 1) ^ -(length & 1));
      this.#recordAt = end;
      at++; // the record's attributes, of which none is defined

      // The timestamp's delta may have 64 bits: above 28 of them arithmetic takes over from bit operations.
      let delta = bytes[at++]!;
      if (delta > 127) {
        delta &= 127;
        shift = 7;
        do {
          byte = bytes[at++]!;
          if (shift < 28) delta |= (byte & 127) << shift;
          else delta += (byte & 127) * 2 ** shift;
          shift += 7;
        } while (byte > 127);
      }

      let offsetDelta = bytes[at++]!;
      if (offsetDelta > 127) {
        offsetDelta &= 127;
        shift = 7;
        do {
          byte = bytes[at++]!;
          offsetDelta |= (byte & 127) << shift;
          shift += 7;
        } while (byte > 127);
      }

      let keyLength = bytes[at++]!;
      if (keyLength > 127) {
        keyLength &= 127;
        shift = 7;
        do {
          byte = bytes[at++]!;
          keyLength |= (byte & 127) << shift;
          shift += 7;
        } while (byte > 127);
      }
      keyLength = (keyLength >>> 1) ^ -(keyLength & 1);
      const keyStart = at;
      if (keyLength > 0) at += keyLength;

      let valueLength = bytes[at++]!;
      if (valueLength > 127) {
        valueLength &= 127;
        shift = 7;
        do {
          byte = bytes[at++]!;
          valueLength |= (byte & 127) << shift;
          shift += 7;
        } while (byte > 127);
      }
      valueLength = (valueLength >>> 1) ^ -(valueLength & 1);
      const valueStart = at;
      if (valueLength > 0) at += valueLength;

      // At least the count of headers has to follow, and the record must not reach beyond its batch. Written so that NaN fails too.
      if (!(at < end && end <= this.#recordsEnd && keyLength >= -1 && valueLength >= -1))
        throw this.#corrupt("a record reaches beyond its end");
      const offset = this.#baseOffset + (offsetDelta >>> 1);
      if (offset < this.#from) continue;
      this.offset = offset;
      this.timestamp = this.#appendTime ?? this.#baseTimestamp + (delta % 2 === 0 ? delta / 2 : -(delta + 1) / 2);
      this.#keyStart = keyStart;
      this.#keyLength = keyLength;
      this.#valueStart = valueStart;
      this.#valueLength = valueLength;
      this.#headersStart = at;
      this.#recordEnd = end;
      return true;
    }
  }

  key(): Uint8Array | null {
    return this.#keyLength < 0 ? null : view(this.#records, this.#keyStart, this.#keyLength);
  }

  value(): Uint8Array | null {
    return this.#valueLength < 0 ? null : view(this.#records, this.#valueStart, this.#valueLength);
  }

  get unpackedBytes(): number {
    return this.#records === this.#source ? 0 : this.#records.length;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get keyStart(): number {
    return this.#keyLength < 0 ? -1 : this.#keyStart;
  }

  get keyEnd(): number {
    return this.#keyStart + this.#keyLength;
  }

  get valueStart(): number {
    return this.#valueLength < 0 ? -1 : this.#valueStart;
  }

  get valueEnd(): number {
    return this.#valueStart + this.#valueLength;
  }

  headers(): RawHeaders {
    const bytes = this.#records;
    const end = this.#recordEnd;
    let at = this.#headersStart;
    if (bytes[at] === 0) return noHeaders;
    const readLength = (): number => {
      let value = 0;
      let shift = 0;
      let byte: number;
      do {
        byte = bytes[at++]!;
        value |= (byte & 127) << shift;
        shift += 7;
      } while (byte > 127);
      return (value >>> 1) ^ -(value & 1);
    };
    const count = readLength();
    const headers: (readonly [string, Uint8Array | null])[] = [];
    for (let index = 0; index < count; index++) {
      const nameLength = readLength();
      const nameStart = at;
      at += nameLength;
      if (!(nameLength >= 0 && at < end)) throw this.#corrupt("a header reaches beyond its record");
      const valueLength = readLength();
      const valueStart = at;
      if (valueLength > 0) at += valueLength;
      if (!(valueLength >= -1 && at <= end)) throw this.#corrupt("a header reaches beyond its record");
      headers.push([
        bytes.toString("utf8", nameStart, nameStart + nameLength),
        valueLength < 0 ? null : view(bytes, valueStart, valueLength),
      ]);
    }
    return headers;
  }

  /** Goes to the next batch that has something to give; false at the end, where a batch that was cut short counts as the end. */
  #openBatch(): boolean {
    const source = this.#source;
    for (;;) {
      const at = this.#batchAt;
      if (at + batchField.records > source.length) return false;
      const end = at + batchPrefix + source.readInt32BE(at + batchField.length);
      if (end > source.length) return false;
      this.#baseOffset = readInt64(source, at);
      if (end < at + batchField.records) throw this.#corrupt("a batch is shorter than its header");
      this.#batchAt = end;
      const lastOffset = this.#baseOffset + source.readInt32BE(at + batchField.lastOffsetDelta);
      if (lastOffset < this.#from) continue;
      if (crc32c(source, at + batchField.attributes, end) !== source.readUInt32BE(at + batchField.crc)) {
        throw this.#corrupt("the checksum of a batch does not match its bytes");
      }
      const attributes = source.readInt16BE(at + batchField.attributes);
      while (this.#abortedAt < this.#aborted.length && this.#aborted[this.#abortedAt]!.firstOffset <= lastOffset) {
        this.#abortedIds.add(this.#aborted[this.#abortedAt++]!.producerId);
      }
      if (attributes & batchAttribute.control) {
        if (this.#abortedIds.size > 0 && isAbortMarker(source, at))
          this.#abortedIds.delete(source.readBigInt64BE(at + batchField.producerId));
        continue;
      }
      if (
        attributes & batchAttribute.transactional &&
        this.#abortedIds.size > 0 &&
        this.#abortedIds.has(source.readBigInt64BE(at + batchField.producerId))
      ) {
        continue;
      }
      this.#baseTimestamp = readInt64(source, at + batchField.baseTimestamp);
      this.#appendTime = attributes & batchAttribute.logAppendTime ? readInt64(source, at + batchField.maxTimestamp) : undefined;
      const codec = attributes & batchAttribute.compression;
      if (codec === 0) {
        this.#records = source;
        this.#recordAt = at + batchField.records;
        this.#recordsEnd = end;
      } else {
        this.#records = this.#decompress(codec, source.subarray(at + batchField.records, end));
        this.#recordAt = 0;
        this.#recordsEnd = this.#records.length;
      }
      this.#bytes = view(this.#records, 0, this.#records.length);
      this.#left = source.readInt32BE(at + batchField.count);
      if (this.#left < 0) throw this.#corrupt(`a batch holds ${this.#left} records`);
      if (this.#left > 0) return true;
    }
  }

  #decompress(codec: number, bytes: Buffer): Buffer {
    try {
      return this.#options.decompress(codec, bytes);
    } catch (thrown) {
      if (!(thrown instanceof LogError)) throw this.#corrupt("a compressed batch cannot be decompressed", "CORRUPT_MESSAGE", thrown);
      const { topic, partition } = this.#options;
      throw new LogError(
        thrown.code,
        thrown.disposition,
        `${thrown.message} (batch at ${topic}/${partition}, offset ${this.#baseOffset})`,
        {
          topic,
          partition,
          offset: this.#baseOffset,
          cause: thrown,
        },
      );
    }
  }

  #corrupt(what: string, code: LogErrorCode = "CORRUPT_MESSAGE", cause?: unknown): LogError {
    const { topic, partition } = this.#options;
    const offset = Math.max(this.#baseOffset, this.#from);
    return new LogError(
      code,
      "rejected",
      `Cannot read ${topic}/${partition} at offset ${offset} as ${what}: read on after it, or restore the partition from a replica`,
      { topic, partition, offset, cause },
    );
  }
}

/** A plain view: `slice` of a Buffer would share memory where `slice` of a Uint8Array copies. */
const view = (bytes: Buffer, start: number, length: number): Uint8Array => new Uint8Array(bytes.buffer, bytes.byteOffset + start, length);

/** A control batch has one record, whose key is a version and a type; type 0 ends an aborted transaction. */
const isAbortMarker = (source: Buffer, batchAt: number): boolean => {
  let at = batchAt + batchField.records;
  const skipVarint = (): void => {
    while (source[at++]! > 127);
  };
  skipVarint(); // length
  at++; // attributes
  skipVarint(); // timestamp
  skipVarint(); // offset
  skipVarint(); // length of the key
  return source.readInt16BE(at + 2) === 0;
};

const none: readonly AbortedTransaction[] = [];
