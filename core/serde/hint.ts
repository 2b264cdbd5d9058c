/**
 * What the first bytes look like, as a sentence to end an error message with; empty when they tell nothing. Most unreadable records were simply written with
 * another serde, and their first byte gives it away.
 */
export const hint = (bytes: Uint8Array): string => {
  const first = bytes[0];
  if (first === undefined) return ". There are no bytes at all";
  const guess = look(bytes, first);
  return guess === undefined ? "" : `. First byte 0x${first.toString(16).padStart(2, "0")} looks like ${guess}`;
};

const look = (bytes: Uint8Array, first: number): string | undefined => {
  if (first === 0x7b || first === 0x5b) return "JSON";
  if (first === 0x1f && bytes[1] === 0x8b) return "gzip: the producer compressed the value itself";
  if (first === 0x28 && bytes[1] === 0xb5 && bytes[2] === 0x2f && bytes[3] === 0xfd)
    return "zstd: the producer compressed the value itself";
  if (first === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return "text with a byte order mark";
  if (first === 0xff && bytes[1] === 0xfe) return "UTF-16 text";
  if (first === 0 && bytes.length === 4) return "a 4-byte integer";
  if (first === 0 && bytes.length === 8) return "an 8-byte integer";
  if (first === 0 && bytes.length > 5) return `a schema registry's frame, schema id ${readId(bytes)}`;
  if (first === 0x4f && bytes[1] === 0x62 && bytes[2] === 0x6a && bytes[3] === 1) return "an Avro file";
  if (printable(bytes)) return "text";
  return undefined;
};

const readId = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(1);

const printable = (bytes: Uint8Array): boolean => {
  const end = Math.min(bytes.length, 32);
  for (let at = 0; at < end; at++) {
    const byte = bytes[at]!;
    if (byte > 0x7e || (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d)) return false;
  }
  return true;
};
