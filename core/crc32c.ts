/** Gives the CRC-32C (Castagnoli) of `bytes[start, end)` as an unsigned number. */
export type Crc32c = (bytes: Uint8Array, start: number, end: number) => number;

/**
 * CRC-32C in plain JavaScript, eight bytes a step (slicing-by-8, Kounavis and Berry, "A Systematic Approach to Building High Performance Software-based
 * CRC Generators", 2005). About 1.8 GB/s.
 */
export const crc32c: Crc32c = (bytes, start, end) => {
  let crc = -1;
  let at = start;
  for (const last = end - 7; at < last; at += 8) {
    const low = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    crc =
      table7[low & 255]! ^
      table6[(low >>> 8) & 255]! ^
      table5[(low >>> 16) & 255]! ^
      table4[low >>> 24]! ^
      table3[bytes[at + 4]!]! ^
      table2[bytes[at + 5]!]! ^
      table1[bytes[at + 6]!]! ^
      table0[bytes[at + 7]!]!;
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ table0[(crc ^ bytes[at]!) & 255]!;
  return (crc ^ -1) >>> 0;
};

const makeTables = (): Int32Array[] => {
  const tables = Array.from({ length: 8 }, () => new Int32Array(256));
  const first = tables[0]!;
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    first[byte] = crc;
  }
  for (let slice = 1; slice < 8; slice++) {
    const before = tables[slice - 1]!;
    for (let byte = 0; byte < 256; byte++) tables[slice]![byte] = (before[byte]! >>> 8) ^ first[before[byte]! & 255]!;
  }
  return tables;
};
const [table0, table1, table2, table3, table4, table5, table6, table7] = makeTables() as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];
