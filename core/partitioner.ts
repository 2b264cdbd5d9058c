/**
 * Gives the hash by which Kafka's Java client chooses a partition for a key: murmur2 with the seed 0x9747b28c, as a signed 32-bit number.
 * Every client that hashes a key so puts it into the same partition, which is what co-partitioned topics rest on.
 *
 * The algorithm is Austin Appleby's MurmurHash2 (public domain), 32-bit, over little-endian words.
 *
 * @example
 * ```ts
 * import { murmur2 } from "./partitioner.ts";
 *
 * murmur2(new TextEncoder().encode("foobar")); // -790332482
 * ```
 */
export const murmur2 = (bytes: Uint8Array): number => {
  const length = bytes.length;
  const words = length & ~3;
  let hash = seed ^ length;
  let at = 0;
  for (; at < words; at += 4) {
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    word = Math.imul(word, multiplier);
    word = Math.imul(word ^ (word >>> 24), multiplier);
    hash = Math.imul(hash, multiplier) ^ word;
  }
  const rest = length - words;
  if (rest > 0) {
    if (rest > 2) hash ^= bytes[at + 2]! << 16;
    if (rest > 1) hash ^= bytes[at + 1]! << 8;
    hash = Math.imul(hash ^ bytes[at]!, multiplier);
  }
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return hash ^ (hash >>> 15);
};

/** Gives the partition that Kafka's Java client chooses for a key. `partitions` is a whole number above zero. */
export const partitionForKey = (key: Uint8Array, partitions: number): number => (murmur2(key) & 0x7fffffff) % partitions;

const seed = 0x9747b28c;
const multiplier = 0x5bd1e995;
