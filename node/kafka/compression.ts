import { createRequire } from "node:module";
import * as zlib from "node:zlib";
import { LogError } from "../../core/ports/log.ts";
import { lz4FrameLength } from "./lz4_frame_length.ts";

/** How batches are compressed; snappy and lz4 need a package of their own, see KafkaOptions. */
export type Compression = "none" | "gzip" | "snappy" | "lz4" | "zstd";

/** Unpacks the records of a batch; `codec` is Kafka's number. Throws LogError UNSUPPORTED_COMPRESSION_TYPE when a package is missing. */
export type Decompress = (codec: number, bytes: Buffer) => Buffer;

export interface Compressor {
  /** Kafka's number of it. */
  readonly codec: number;
  compress(records: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** How many bytes that gives, known at once; never too few. */
  size(records: Uint8Array): number;
}

/** The compressor of that name; undefined for "none". Throws LogError UNSUPPORTED_COMPRESSION_TYPE, which names the package to install. */
export const compressor = (name: Compression): Compressor | undefined => {
  switch (name) {
    case "none":
      return undefined;
    case "gzip":
      return {
        codec: 1,
        compress: (records) => promised((done) => zlib.gzip(records, done)),
        size: (records) => zlib.gzipSync(records).length,
      };
    case "snappy": {
      const snappy = snappyjs();
      const compress = (records: Uint8Array): Uint8Array => xerialFrame(snappy, records);
      return { codec: 2, compress, size: (records) => compress(records).length };
    }
    case "lz4": {
      const lz4 = lz4Napi();
      return {
        codec: 3,
        compress: (records) => lz4.compressFrame(records),
        size: (records) => lz4.compressFrameSync(Buffer.from(records.buffer, records.byteOffset, records.length)).length,
      };
    }
    case "zstd": {
      const { zstdCompress, zstdCompressSync } = zstd();
      // At once it knows the length beforehand and chooses its parameters by it, so the result may be a little different.
      const size = (records: Uint8Array): number => Math.ceil(zstdCompressSync(records).length * 1.05) + 64;
      return { codec: 4, compress: (records) => promised((done) => zstdCompress(records, done)), size };
    }
  }
};

/**
 * Unpacks batches of every codec, none of them to more than `decompressedBytesMax`, nor to more than `decompressionRatioMax` times their size: a few kilobytes that
 * unpack to gigabytes give LogError RECORD_LIST_TOO_LARGE before the memory is spent.
 */
export const decompressor =
  (decompressedBytesMax: number, decompressionRatioMax: number = ratioMax): Decompress =>
  (codec, bytes) => {
    const limit: Limit = {
      bytes: Math.min(decompressedBytesMax, Math.max(harmlessBytes, bytes.length * decompressionRatioMax)),
      decompressedBytesMax,
      decompressionRatioMax,
    };
    switch (codec) {
      case 1:
        return withinLimit(() => zlib.gunzipSync(bytes, { maxOutputLength: limit.bytes }), limit);
      case 2:
        return unpackSnappy(bytes, limit);
      case 3: {
        const lz4 = lz4Napi();
        if (lz4FrameLength(bytes) > limit.bytes) throw tooLarge(limit);
        return lz4.decompressFrameSync(bytes);
      }
      case 4: {
        const { zstdDecompressSync } = zstd();
        return withinLimit(() => zstdDecompressSync(bytes, { maxOutputLength: limit.bytes }), limit);
      }
      default:
        throw new LogError(
          "UNSUPPORTED_COMPRESSION_TYPE",
          "configuration",
          `Cannot decompress a batch as its compression type ${codec} is unknown: update Millrace`,
        );
    }
  };

/** No honest producer reaches it: gzip itself ends at 1032, which takes a batch of nothing but zeros. */
export const ratioMax = 1_000;

/** What may be unpacked whatever the ratio: small batches of equal records compress well. */
const harmlessBytes = 1024 * 1024;

interface Limit {
  readonly bytes: number;
  readonly decompressedBytesMax: number;
  readonly decompressionRatioMax: number;
}

// ---------------------------------------------------------------- snappy

/** The stream format of snappy-java, which Kafka's clients write: a header, then blocks of raw snappy with their lengths. */
const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const xerialHeader = Buffer.concat([xerialMagic, Buffer.from([0, 0, 0, 1, 0, 0, 0, 1])]);
const xerialBlock = 32 * 1024;

const xerialFrame = (snappy: Snappyjs, records: Uint8Array): Uint8Array => {
  const parts: Uint8Array[] = [xerialHeader];
  for (let at = 0; at < records.length; at += xerialBlock) {
    // A copy: snappyjs takes a Buffer for something else than a Uint8Array and would give Buffers back.
    const block = snappy.compress(new Uint8Array(records.subarray(at, at + xerialBlock)));
    const length = Buffer.alloc(4);
    length.writeInt32BE(block.length);
    parts.push(length, block);
  }
  return Buffer.concat(parts);
};

const unpackSnappy = (bytes: Buffer, limit: Limit): Buffer => {
  const snappy = snappyjs();
  if (!bytes.subarray(0, xerialMagic.length).equals(xerialMagic)) {
    if (snappyLength(bytes) > limit.bytes) throw tooLarge(limit);
    return Buffer.from(snappy.uncompress(new Uint8Array(bytes)));
  }
  const blocks: Uint8Array[] = [];
  let total = 0;
  for (let at = xerialHeader.length; at < bytes.length; ) {
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length < 0 || at + length > bytes.length) throw new RangeError(`A snappy block claims ${length} bytes`);
    const block = bytes.subarray(at, at + length);
    total += snappyLength(block);
    if (total > limit.bytes) throw tooLarge(limit);
    blocks.push(snappy.uncompress(new Uint8Array(block)));
    at += length;
  }
  return Buffer.concat(blocks);
};

/** Raw snappy begins with the length of what it holds, as a varint. */
const snappyLength = (bytes: Uint8Array): number => {
  let length = 0;
  for (let at = 0; at < 5 && at < bytes.length; at++) {
    length += (bytes[at]! & 127) * 2 ** (7 * at);
    if (bytes[at]! < 128) return length;
  }
  throw new RangeError("A snappy block does not tell its length");
};

// ---------------------------------------------------------------- what has to be there

interface Snappyjs {
  compress(bytes: Uint8Array): Uint8Array;
  uncompress(bytes: Uint8Array): Uint8Array;
}

interface Lz4Napi {
  compressFrame(bytes: Uint8Array): Promise<Buffer>;
  compressFrameSync(bytes: Buffer): Buffer;
  decompressFrameSync(bytes: Buffer): Buffer;
}

type Done = (error: Error | null, result: Buffer) => void;

interface Zstd {
  zstdCompress(bytes: Uint8Array, done: Done): void;
  zstdCompressSync(bytes: Uint8Array): Buffer;
  zstdDecompressSync(bytes: Uint8Array, options: { maxOutputLength: number }): Buffer;
}

const packages = createRequire(import.meta.url);

const snappyjs = (): Snappyjs => optionalPackage<Snappyjs>("snappyjs", "snappy");
const lz4Napi = (): Lz4Napi => optionalPackage<Lz4Napi>("lz4-napi", "lz4");

const optionalPackage = <Package>(name: string, codec: string): Package => {
  try {
    return packages(name) as Package;
  } catch (cause) {
    throw new LogError(
      "UNSUPPORTED_COMPRESSION_TYPE",
      "configuration",
      `Cannot use ${codec} compression as the package '${name}' is not installed: run 'npm install ${name}'`,
      { cause },
    );
  }
};

const zstd = (): Zstd => {
  const builtIn = zlib as unknown as Partial<Zstd>;
  if (builtIn.zstdCompress === undefined || builtIn.zstdDecompressSync === undefined) {
    throw new LogError(
      "UNSUPPORTED_COMPRESSION_TYPE",
      "configuration",
      "Cannot use zstd compression as this runtime has none built in: run on Node 22.15 or later, or have the topic written with gzip",
    );
  }
  return builtIn as Zstd;
};

const promised = (start: (done: Done) => void): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    start((error, result) => (error === null ? resolve(result) : reject(error)));
  });

const withinLimit = (unpack: () => Buffer, limit: Limit): Buffer => {
  try {
    return unpack();
  } catch (thrown) {
    if ((thrown as { readonly code?: unknown }).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(limit);
    throw thrown;
  }
};

const tooLarge = ({ bytes, decompressedBytesMax, decompressionRatioMax }: Limit): LogError =>
  new LogError(
    "RECORD_LIST_TOO_LARGE",
    "rejected",
    bytes === decompressedBytesMax
      ? `Cannot decompress a batch as it unpacks to more than ${decompressedBytesMax} bytes: raise 'decompressedBytesMax' when such batches are meant to be`
      : `Cannot decompress a batch as it unpacks to more than ${decompressionRatioMax} times its size: raise 'decompressionRatioMax' when such batches are meant to be`,
  );
