/** The bytes of a string go to `into` from `at` on, where there must be room for three per character. Gives their number, or -1 when half of a surrogate pair cannot be written. */
export const encodeUtf8Into = (value: string, into: Uint8Array, at: number): number => {
  const length = value.length;
  if (length <= shortEncode) {
    let index = 0;
    for (; index < length; index++) {
      const unit = value.charCodeAt(index);
      if (unit > 0x7f) break;
      into[at + index] = unit;
    }
    if (index === length) return length;
  }
  const { written } = encoder.encodeInto(value, into.subarray(at));
  // As many bytes as characters: all of it is ASCII, nothing was replaced.
  if (written !== length && !isWellFormed(value)) return -1;
  return written;
};

/** The string that the bytes from `start` to `end` spell, or undefined where they are not UTF-8. A byte order mark is kept: it is a character of the string. */
export const decodeUtf8 = (bytes: Uint8Array, start: number, end: number): string | undefined => {
  if (end - start <= shortDecode) {
    let all = 0;
    for (let at = start; at < end; at++) all |= bytes[at]!;
    if (all < 0x80) return latin1(bytes, start, end);
  }
  try {
    return decoder.decode(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
  } catch {
    return undefined;
  }
};

/** False for a string with half of a surrogate pair. */
export const isWellFormed = (value: string): boolean => (value as string & { isWellFormed(): boolean }).isWellFormed();

/** One character per byte: what ASCII spells, and for other bytes a string that stands for them. Meant for short ones. */
export const latin1 = (bytes: Uint8Array, start: number, end: number): string => {
  let text = "";
  let at = start;
  for (; at + 8 <= end; at += 8) {
    text += char(
      bytes[at]!,
      bytes[at + 1]!,
      bytes[at + 2]!,
      bytes[at + 3]!,
      bytes[at + 4]!,
      bytes[at + 5]!,
      bytes[at + 6]!,
      bytes[at + 7]!,
    );
  }
  for (; at + 4 <= end; at += 4) text += char(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!);
  for (; at < end; at++) text += char(bytes[at]!);
  return text;
};

const char = String.fromCharCode;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
// Up to these lengths a loop is faster than the call into the runtime (measured in Node 24; other runtimes call more slowly).
const shortEncode = 32;
const shortDecode = 20;
