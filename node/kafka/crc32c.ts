import { createRequire } from "node:module";
import { type Crc32c, crc32c as crc32cScript } from "../../core/crc32c.ts";

export { type Crc32c, crc32cScript };

/** CRC-32C by the package `@node-rs/crc32` where it is installed (about 8 GB/s), otherwise undefined. */
export const crc32cNative: Crc32c | undefined = loadNative();

/** The fastest CRC-32C at hand. */
export const crc32c: Crc32c = crc32cNative ?? crc32cScript;

function loadNative(): Crc32c | undefined {
  try {
    const { crc32c: native } = createRequire(import.meta.url)("@node-rs/crc32") as { crc32c(bytes: Uint8Array): number };
    return (bytes, start, end) => native(bytes.subarray(start, end));
  } catch {
    return undefined;
  }
}
