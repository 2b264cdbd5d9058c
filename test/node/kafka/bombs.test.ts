import { createRequire } from "node:module";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "@jest/globals";
import { type Compression, compressor, decompressor } from "../../../node/kafka/compression.ts";

const require = createRequire(import.meta.url);
const mebi = 1024 * 1024;
const codecs = ["gzip", "snappy", "lz4", "zstd"] as const;

const packed = async (codec: Exclude<Compression, "none">, bytes: Buffer) => {
  const { codec: number, compress } = compressor(codec)!;
  return [number, Buffer.from(await compress(bytes))] as const;
};
const refused = (attempt: () => unknown): string => {
  let error: { readonly code?: unknown; readonly disposition?: unknown; readonly message: string } = new Error("It was unpacked");
  try {
    attempt();
  } catch (thrown) {
    error = thrown as Error;
  }
  expect([error.code, error.disposition]).toEqual(["RECORD_LIST_TOO_LARGE", "rejected"]);
  return error.message;
};

describe("a batch that unpacks to far more than it is", () => {
  for (const codec of codecs) {
    it(`is refused by its size, packed with ${codec}`, async () => {
      const [number, bomb] = await packed(codec, Buffer.alloc(3 * mebi));
      expect(bomb.length).toBeLessThan(mebi / 4);
      expect(refused(() => decompressor(2 * mebi, 1e9)(number, bomb))).toBe(
        `Cannot decompress a batch as it unpacks to more than ${2 * mebi} bytes: raise 'decompressedBytesMax' when such batches are meant to be`,
      );
      expect(decompressor(3 * mebi, 1e9)(number, bomb)).toHaveLength(3 * mebi);
    });

    it(`is refused by its ratio, packed with ${codec}, and not below a mebibyte`, async () => {
      const [number, bomb] = await packed(codec, Buffer.alloc(3 * mebi));
      const ratio = Math.floor((3 * mebi) / bomb.length);
      expect(refused(() => decompressor(64 * mebi, ratio - 1)(number, bomb))).toBe(
        `Cannot decompress a batch as it unpacks to more than ${ratio - 1} times its size: raise 'decompressionRatioMax' when such batches are meant to be`,
      );
      expect(decompressor(64 * mebi, ratio + 1)(number, bomb)).toHaveLength(3 * mebi);
      const [, small] = await packed(codec, Buffer.alloc(mebi));
      expect(decompressor(64 * mebi, 2)(number, small)).toHaveLength(mebi);
    });

    it(`is no bomb when it is honest, packed with ${codec}`, async () => {
      // As repetitive as records of one kind are.
      const records = Buffer.from(
        Array.from({ length: 30_000 }, (_, n) => `{"account":"a-${n % 100}","amount":${n},"currency":"EUR"}`).join(""),
      );
      const [number, bytes] = await packed(codec, records);
      // Jest compares byte by byte, which takes its time.
      expect(records.equals(decompressor(64 * mebi)(number, bytes))).toBe(true);
    });
  }

  it("is refused with the default ratio where a codec can exceed it", () => {
    const zeros = Buffer.alloc(8 * mebi);
    for (const [number, bomb] of [
      [1, gzipSync(zeros, { level: 9 })],
      [4, zstdCompressSync(zeros)],
    ] as const)
      expect(refused(() => decompressor(64 * mebi)(number, bomb))).toContain("more than 1000 times its size");
  });

  it("is refused when it is hidden behind an honest one", async () => {
    const [honest, bomb] = [Buffer.from("honest"), Buffer.alloc(3 * mebi)];
    const both = async (codec: "gzip" | "lz4" | "zstd") => {
      const [[number, first], [, second]] = [await packed(codec, honest), await packed(codec, bomb)];
      return [number, Buffer.concat([first, second])] as const;
    };
    const gzip = await both("gzip");
    refused(() => decompressor(2 * mebi)(...gzip));
    // Of these only the first frame is unpacked.
    for (const codec of ["lz4", "zstd"] as const) {
      const [number, bytes] = await both(codec);
      expect(decompressor(2 * mebi)(number, bytes).toString()).toBe("honest");
    }
    // A stream of snappy blocks, of which each alone is small enough.
    const stream = (await packed("snappy", bomb))[1];
    refused(() => decompressor(2 * mebi)(2, stream));
  });

  it("is refused by what it says of itself, before memory is spent on it", () => {
    // Raw snappy that claims to hold four gigabytes, in the form without and with blocks.
    const claim = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0]);
    refused(() => decompressor(64 * mebi)(2, claim));
    const blocks = Buffer.concat([
      Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, claim.length]),
      claim,
    ]);
    refused(() => decompressor(64 * mebi)(2, blocks));
  });

  it("does not come out longer than it claims", () => {
    const snappy = require("snappyjs") as { compress(bytes: Uint8Array): Uint8Array };
    const honest = snappy.compress(new Uint8Array(3000).fill(7));
    // The same with a claim of ten bytes: two bytes of varint become one.
    const liar = Buffer.from([10, ...honest.subarray(2)]);
    let unpacked: Buffer | undefined;
    try {
      unpacked = decompressor(64 * mebi)(2, liar);
    } catch {
      // Refused: as good.
    }
    expect(unpacked?.length ?? 0).toBeLessThanOrEqual(10);
  });
});
