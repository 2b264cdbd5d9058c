import type { Buffer } from "node:buffer";

/** What avsc calls a tap: a buffer and a position; reading past the end gives zeros and is found out afterwards. */
export interface Tap {
  readonly buf: Buffer;
  pos: number;
  readLong(): number;
  skipLong(): void;
  skipString(): void;
  readString(): string | undefined;
  writeLong(value: number): void;
  writeString(value: string): void;
  writeFixed(bytes: Buffer, length: number): void;
}

/** Reads a long exactly; throws where a number cannot hold it. Past the end it is zero. */
export const readLong = (tap: Tap): number => {
  const first = tap.buf[tap.pos];
  if (first === undefined || first < 0x80) {
    tap.pos++;
    return first === undefined ? 0 : (first >> 1) ^ -(first & 1);
  }
  const { low, high } = readVarint(tap);
  const half = high * 0x8000000 + (low >>> 1);
  const negative = (low & 1) !== 0;
  if (half > Number.MAX_SAFE_INTEGER || (negative && half === Number.MAX_SAFE_INTEGER)) {
    throw new Error("a long in it is beyond 2^53, which a number cannot hold exactly; let the producer write it as a string or as bytes");
  }
  return negative ? -half - 1 : half;
};

/** Writes a safe integer as a long. */
export const writeLong = (tap: Tap, value: number): void => {
  if (value >= -0x40000000 && value < 0x40000000) {
    tap.writeLong(value);
    return;
  }
  const half = value < 0 ? -(value + 1) : value;
  const low = (half % 0x8000000) * 2 + (value < 0 ? 1 : 0);
  let high = Math.floor(half / 0x8000000);
  const { buf } = tap;
  for (let shift = 0; shift < 28; shift += 7) buf[tap.pos++] = ((low >>> shift) & 0x7f) | (shift < 21 || high > 0 ? 0x80 : 0);
  while (high > 0) {
    buf[tap.pos++] = (high % 128) | (high >= 128 ? 0x80 : 0);
    high = Math.floor(high / 128);
  }
};

/** 28 bits and the rest: halves that numbers and bit operations hold exactly. */
const readVarint = (tap: Tap): { readonly low: number; readonly high: number } => {
  const { buf } = tap;
  let low = 0;
  let high = 0;
  let scale = 1;
  for (let index = 0; index < 10; index++) {
    const byte = buf[tap.pos++] ?? 0;
    if (index < 4) {
      low |= (byte & 0x7f) << (7 * index);
    } else {
      high += (byte & 0x7f) * scale;
      scale *= 128;
    }
    if (byte < 0x80) return { low, high };
  }
  throw new Error("a long in it has more than 10 bytes");
};
