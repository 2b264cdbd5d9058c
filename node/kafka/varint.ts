/**
 * Variable-length integers as the record format has them: little-endian groups of seven bits, signed ones zigzag-coded. Records hold many of them, so the
 * functions for numbers of 32 bits work without BigInt; larger ones (timestamp deltas beyond 24 days) take the slow way.
 */

/** Writes a 32-bit number zigzag-coded and gives the position after it. */
export const writeZigzag = (bytes: Uint8Array, at: number, value: number): number => {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  while (rest > 127) {
    bytes[at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
};

/** How many bytes `writeZigzag` takes. */
export const zigzagLength = (value: number): number => {
  const rest = ((value << 1) ^ (value >> 31)) >>> 0;
  return rest < 0x80 ? 1 : rest < 0x4000 ? 2 : rest < 0x200000 ? 3 : rest < 0x10000000 ? 4 : 5;
};

/** Writes a safe integer of any size zigzag-coded and gives the position after it. */
export const writeZigzagLong = (bytes: Uint8Array, at: number, value: number): number => {
  let rest = zigzag64(value);
  while (rest > 127n) {
    bytes[at++] = Number(rest & 127n) | 128;
    rest >>= 7n;
  }
  bytes[at++] = Number(rest);
  return at;
};

/** How many bytes `writeZigzagLong` takes. */
export const zigzagLongLength = (value: number): number => {
  let length = 1;
  for (let rest = zigzag64(value); rest > 127n; rest >>= 7n) length++;
  return length;
};

const zigzag64 = (value: number): bigint => BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
