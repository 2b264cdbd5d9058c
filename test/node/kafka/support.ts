import type { RawHeaders } from "../../../core/ports/log.ts";
import { BatchBuilder } from "../../../node/kafka/batch_builder.ts";
import { BatchCursor, type BatchCursorOptions } from "../../../node/kafka/batch_cursor.ts";
import { batchField } from "../../../node/kafka/batch_format.ts";
import { BufferPool } from "../../../node/kafka/buffer_pool.ts";
import { decompressor } from "../../../node/kafka/compression.ts";
import { crc32c } from "../../../node/kafka/crc32c.ts";

export const pool = new BufferPool(1 << 22);
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A record as a test writes and compares it. */
export interface Plain {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly timestamp: number;
  readonly headers: RawHeaders;
}

export const built = (records: readonly Plain[]): BatchBuilder => {
  const builder = new BatchBuilder(pool);
  for (const { key, value, timestamp, headers } of records) builder.append(key, value, timestamp, headers);
  return builder;
};

export interface Stamp {
  readonly baseOffset?: number;
  readonly producerId?: bigint;
  readonly transactional?: boolean;
}

/** A batch as a broker would store it: with its offset in front, which the checksum does not cover. */
export const stored = (records: readonly Plain[], { baseOffset = 0, producerId = 1n, transactional = false }: Stamp = {}): Buffer => {
  const batch = Buffer.from(built(records).stamp(producerId, 0, 0, transactional));
  batch.writeBigInt64BE(BigInt(baseOffset), batchField.baseOffset);
  return batch;
};

export const value = (text: string, key: Uint8Array | null = null): Plain => ({ key, value: bytes(text), timestamp: 0, headers: [] });

/** The control batch that ends a transaction. */
export const marker = (baseOffset: number, producerId: bigint, kind: "abort" | "commit"): Buffer => {
  const batch = stored([{ key: Uint8Array.of(0, 0, 0, kind === "abort" ? 0 : 1), value: new Uint8Array(6), timestamp: 0, headers: [] }], {
    baseOffset,
    producerId,
    transactional: true,
  });
  batch.writeInt16BE(0x30, batchField.attributes);
  return withChecksum(batch);
};

/** After a test has changed what the checksum covers. */
export const withChecksum = (batch: Buffer): Buffer => {
  batch.writeUInt32BE(crc32c(batch, batchField.attributes, batch.length), batchField.crc);
  return batch;
};

export const cursor = (source: Buffer, options: Partial<BatchCursorOptions> = {}): BatchCursor =>
  new BatchCursor(source, {
    topic: "t",
    partition: 0,
    from: 0,
    isolation: "read-committed",
    aborted: [],
    decompress: decompressor(1 << 20),
    ...options,
  });

/** All records, copied, with their offsets. */
export const readAll = (reading: BatchCursor): (Plain & { readonly offset: number })[] => {
  const records = [];
  while (reading.next()) {
    records.push({
      offset: reading.offset,
      timestamp: reading.timestamp,
      key: copied(reading.key()),
      value: copied(reading.value()),
      headers: reading.headers().map(([name, content]) => [name, copied(content)] as const),
    });
  }
  return records;
};

const copied = (view: Uint8Array | null): Uint8Array | null => (view === null ? null : Uint8Array.from(view));
