import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { decompressor } from "../../../node/kafka/compression.ts";
import { lz4FrameLength } from "../../../node/kafka/lz4_frame_length.ts";

/** Runs a program beside copies of the sources, in a folder where no package is installed but those that are given with a version. */
const withoutPackages = (program: string, packages: Readonly<Record<string, string>> = {}): string => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-bare-"));
  try {
    for (const file of sources) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      copyFileSync(join(import.meta.dirname, "../../..", file), join(folder, file));
    }
    writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    for (const [name, version] of Object.entries(packages)) {
      mkdirSync(join(folder, "node_modules", name), { recursive: true });
      writeFileSync(join(folder, "node_modules", name, "package.json"), JSON.stringify({ name, version }));
    }
    writeFileSync(join(folder, "program.ts"), program);
    return execFileSync(process.execPath, ["--disable-warning=ExperimentalWarning", join(folder, "program.ts")], { encoding: "utf8" });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

const sources = [
  "core/ports/log.ts",
  "core/errors.ts",
  "node/kafka/compression.ts",
  "node/kafka/lz4_frame_length.ts",
  "node/kafka/kafkajs_connection.ts",
  "node/kafka/oauth_bearer.ts",
  "node/kafka/within.ts",
];

describe("kafkajs", () => {
  const program = `
    import { kafkajsConnection } from "./node/kafka/kafkajs_connection.ts";
    try { kafkajsConnection({}); } catch (error: any) { console.log(error.name, error.code, error.message); }
  `;

  it("that is not installed is named, with the release to install", () => {
    expect(withoutPackages(program).trim()).toBe("ConfigurationError PACKAGE_MISSING Cannot load kafkajs: run 'npm install kafkajs@2.2.4'");
  });

  it("of another release is refused, since internals are used", () => {
    expect(withoutPackages(program, { kafkajs: "2.3.0" }).trim()).toBe(
      "ConfigurationError PACKAGE_MISSING Found kafkajs 2.3.0 but Millrace relies on internals of 2.2.4 exactly: run 'npm install kafkajs@2.2.4'",
    );
  });
});

describe("a compression whose package is not installed", () => {
  it("is refused with the name of the package, when writing and when reading", () => {
    const said = withoutPackages(`
      import { compressor, decompressor } from "./node/kafka/compression.ts";
      const tell = (attempt: () => unknown) => { try { attempt(); } catch (error: any) { console.log(error.code, error.disposition, error.message); } };
      tell(() => compressor("snappy"));
      tell(() => compressor("lz4"));
      tell(() => decompressor(1000)(2, Buffer.alloc(20)));
      tell(() => decompressor(1000)(3, Buffer.alloc(20)));
      console.log(compressor("gzip")?.codec, compressor("none"));
    `);
    const snappy =
      "UNSUPPORTED_COMPRESSION_TYPE configuration Cannot use snappy compression as the package 'snappyjs' is not installed: run 'npm install snappyjs'";
    const lz4 =
      "UNSUPPORTED_COMPRESSION_TYPE configuration Cannot use lz4 compression as the package 'lz4-napi' is not installed: run 'npm install lz4-napi'";
    expect(said.trim().split("\n")).toEqual([snappy, lz4, snappy, lz4, "1 undefined"]);
  });
});

describe("the length of an LZ4 frame", () => {
  // A frame of one block, without checksums: flags 0x60, block size 64 KiB, header checksum (which is not looked at).
  const frame = (block: number[], stored = false): Buffer => {
    const size = Buffer.alloc(4);
    size.writeUInt32LE((block.length | (stored ? 0x80000000 : 0)) >>> 0);
    return Buffer.concat([Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82]), size, Buffer.from(block), Buffer.alloc(4)]);
  };

  it("counts literals and matches without making them", () => {
    // Three literals, then a match of 4 + 15 + 255 * 1000 + 7 bytes, then five literals.
    const block = [0x3f, 97, 98, 99, 3, 0, ...Array<number>(1_000).fill(255), 7, 0x50, 1, 2, 3, 4, 5];
    expect(lz4FrameLength(frame(block))).toBe(3 + 4 + 15 + 255_000 + 7 + 5);
    expect(lz4FrameLength(frame([1, 2, 3], true))).toBe(3);
  });

  it("is what the limit is held against", () => {
    const bomb = [0x1f, 0, 1, 0, ...Array<number>(40_000).fill(255), 0, 0x10, 0];
    expect(() => decompressor(1 << 20)(3, frame(bomb))).toThrow(
      "Cannot decompress a batch as it unpacks to more than 1048576 bytes: raise 'decompressedBytesMax' when such batches are meant to be",
    );
  });

  it("of what is no frame is refused", () => {
    expect(() => lz4FrameLength(Buffer.from("something else"))).toThrow(RangeError);
    expect(() => lz4FrameLength(frame([1, 2, 3]).subarray(0, 12))).toThrow(RangeError);
  });
});
