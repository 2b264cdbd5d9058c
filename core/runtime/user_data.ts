import { crc32c } from "../crc32c.ts";

/** The oldest and the newest form of user data that this version of the library reads and writes. */
export const oldestVersion = 1;
export const newestVersion = 1;

const magic = [0x4d, 0x72] as const;
const headerBytes = 5;
const crcBytes = 4;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What was read, or why there is nothing: a member that is ahead of us, or bytes that nobody of ours has written. */
export type Read<T> =
  | { readonly kind: "read"; readonly value: T; readonly version: number; readonly newest: number }
  | { readonly kind: "newer"; readonly newest: number }
  | { readonly kind: "garbage" };

/**
 * What members tell each other through the group: two magic bytes, the version of the form, the oldest version whose readers understand it, the newest one that the writer knows; then the fields; then a CRC-32C of all before it. The first five bytes
 * and the last four stay as they are in every version. A version that only adds fields at the end is understood by older readers, who do not look at what follows the fields they know.
 */
export const writeUserData = (version: number, write: (to: FieldWriter) => void, newest: number = newestVersion): Uint8Array => {
  const fields = new FieldWriter();
  for (const byte of [...magic, version, version, newest]) fields.byte(byte);
  write(fields);
  const crc = crc32c(fields.bytes, 0, fields.bytes.length);
  for (const shift of [24, 16, 8, 0]) fields.byte((crc >>> shift) & 255);
  return fields.bytes;
};

/** Never throws, whatever the bytes are. */
export const readUserData = <T>(bytes: Uint8Array, read: (from: FieldReader) => T): Read<T> => {
  const end = bytes.length - crcBytes;
  if (end < headerBytes || bytes[0] !== magic[0] || bytes[1] !== magic[1]) return { kind: "garbage" };
  const crc = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(end);
  if (crc32c(bytes, 0, end) !== crc) return { kind: "garbage" };
  const [version, reader, newest] = [bytes[2]!, bytes[3]!, bytes[4]!];
  if (reader > newestVersion) return { kind: "newer", newest };
  try {
    return { kind: "read", value: read(new FieldReader(bytes.subarray(headerBytes, end))), version, newest };
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return { kind: "garbage" };
    throw error;
  }
};

/**
 * The version that a member speaks after it has heard from the leader: an older one where the leader cannot read what it says, a newer one as soon as all members know it. Undefined when there is none that both know.
 */
export const versionToSpeak = (
  speaks: number,
  told: { readonly commonVersion: number; readonly refused: boolean },
  knows: { readonly oldest: number; readonly newest: number } = { oldest: oldestVersion, newest: newestVersion },
): number | undefined => {
  const next = Math.min(told.commonVersion, knows.newest);
  if (next < knows.oldest || (told.refused && next >= speaks)) return undefined;
  return next;
};

/** Writes fields one after the other: whole numbers as varints of seven bits a byte, texts as UTF-8 behind their length. */
export class FieldWriter {
  #bytes: Uint8Array = new Uint8Array(256);
  #at = 0;

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  byte(value: number): void {
    if (this.#at === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#at++] = value;
  }

  number(value: number): void {
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.byte((rest % 128) | 128);
    this.byte(rest);
  }

  text(value: string): void {
    const bytes = encoder.encode(value);
    this.number(bytes.length);
    this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  list<T>(values: readonly T[], write: (value: T) => void): void {
    this.number(values.length);
    for (const value of values) write(value);
  }

  /** Task ids, sub-topology by sub-topology, each partition as its distance from the one before. */
  tasks(ids: readonly string[]): void {
    this.grouped(
      ids.map((id) => [id, undefined] as const),
      () => {},
    );
  }

  /** Task ids with something about each. */
  grouped<T>(entries: readonly (readonly [id: string, value: T])[], write: (value: T) => void): void {
    const groups = new Map<number, { readonly partition: number; readonly value: T }[]>();
    for (const [id, value] of entries) {
      const [subtopology, partition] = id.split("_").map(Number) as [number, number];
      const group = groups.get(subtopology);
      if (group === undefined) groups.set(subtopology, [{ partition, value }]);
      else group.push({ partition, value });
    }
    this.list([...groups], ([subtopology, group]) => {
      this.number(subtopology);
      let before = 0;
      this.list(
        group.sort((a, b) => a.partition - b.partition),
        ({ partition, value }) => {
          this.number(partition - before);
          before = partition;
          write(value);
        },
      );
    });
  }

  #grow(by: number): void {
    if (this.#at + by <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + by));
    larger.set(this.bytes);
    this.#bytes = larger;
  }
}

/** Reads what a FieldWriter has written. Throws RangeError where the bytes do not hold what they promise. */
export class FieldReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    if (this.#at >= this.#bytes.length) throw new RangeError("The user data ends within a field");
    return this.#bytes[this.#at++]!;
  }

  number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (!Number.isSafeInteger(value)) throw new RangeError("The user data holds a number that is too large");
      if (byte < 128) return value;
    }
  }

  text(): string {
    const length = this.#within(this.number());
    const text = decoder.decode(this.#bytes.subarray(this.#at, this.#at + length));
    this.#at += length;
    return text;
  }

  /** No element is shorter than a byte, so a list cannot be longer than what is left. */
  list<T>(read: () => T): T[] {
    return Array.from({ length: this.#within(this.number()) }, read);
  }

  tasks(): string[] {
    return this.grouped(() => undefined).map(([id]) => id);
  }

  grouped<T>(read: () => T): (readonly [id: string, value: T])[] {
    return this.list(() => {
      const subtopology = this.number();
      let partition = 0;
      return this.list(() => {
        partition += this.number();
        return [`${subtopology}_${partition}`, read()] as const;
      });
    }).flat();
  }

  #within(length: number): number {
    if (length > this.#bytes.length - this.#at) throw new RangeError("The user data is shorter than it says");
    return length;
  }
}
