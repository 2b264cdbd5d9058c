/**
 * Gives how many bytes an LZ4 frame unpacks to, without unpacking it: the lengths of all literals and matches, added up. A frame's header may leave its size out,
 * and the one it gives is only a claim.
 * Source: LZ4 Frame Format Description 1.6 and LZ4 Block Format Description (lz4/lz4 doc/).
 */
export const lz4FrameLength = (frame: Buffer): number => {
  if (frame.length < 7 || frame.readUInt32LE(0) !== 0x184d2204) throw new RangeError("An LZ4 frame begins with 0x184d2204");
  const flags = frame[4]!;
  const blockChecksum = flags & 0x10 ? 4 : 0;
  let at = 6 + (flags & 0x08 ? 8 : 0) + (flags & 0x01 ? 4 : 0) + 1;
  let total = 0;
  for (;;) {
    if (at + 4 > frame.length) throw new RangeError("An LZ4 frame ends without its end mark");
    const head = frame.readUInt32LE(at);
    at += 4;
    if (head === 0) return total;
    const size = head & 0x7fffffff;
    if (at + size > frame.length) throw new RangeError("An LZ4 block reaches beyond its frame");
    total += head >>> 31 === 1 ? size : blockLength(frame.subarray(at, at + size));
    at += size + blockChecksum;
  }
};

const blockLength = (block: Buffer): number => {
  let at = 0;
  let total = 0;
  // A length of 15 in the token goes on in the following bytes, as long as they are 255.
  const extended = (start: number): number => {
    let length = start;
    if (start < 15) return length;
    let byte: number;
    do {
      byte = block[at++] ?? 0;
      length += byte;
    } while (byte === 255);
    return length;
  };
  while (at < block.length) {
    const token = block[at++]!;
    const literals = extended(token >>> 4);
    at += literals;
    total += literals;
    if (at >= block.length) return total;
    at += 2; // distance of the match
    total += extended(token & 15) + 4;
  }
  return total;
};
