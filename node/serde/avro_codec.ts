import { Buffer } from "node:buffer";
import { DecodeError, ProduceError, reason, TopologyError } from "../../core/errors.ts";
import { hint } from "../../core/serde/hint.ts";
import { shown } from "../../core/serde/shown.ts";
import { AvroLimit, type AvroResolver, type AvroType, avroNames, avroType, decodeAvro } from "./avro_types.ts";

/** A schema made ready: reads and writes values, and reads what other schemas have written. */
export class AvroCodec {
  /** The schema's name, or its type where it has none. */
  readonly name: string;
  /** Hexadecimal MD5 of the schema's canonical form: equal when the bytes are. */
  readonly fingerprint: string;
  readonly #type: AvroType;

  constructor(type: AvroType) {
    this.#type = type;
    this.name = type.name ?? type.typeName.replace(":unwrapped", "");
    this.fingerprint = type.fingerprint().toString("hex");
  }

  /** How to read what `writer` has written; undefined where both are the same. Throws with the reason when it cannot be read. */
  resolverFor(writer: AvroCodec): AvroResolver | undefined {
    return writer.fingerprint === this.fingerprint ? undefined : this.#type.createResolver(writer.#type);
  }

  /** Reads the value that fills the bytes from `position` on. Throws a DecodeError; `from` says whose record it is. */
  read(bytes: Uint8Array, position: number, resolver: AvroResolver | undefined, from: string): unknown {
    const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    try {
      const { value, offset } = decodeAvro(this.#type, buffer, position, resolver);
      if (offset === buffer.length) return value;
      throw new Error(offset < 0 ? "they end in the middle of it" : `${buffer.length - offset} bytes are left over`);
    } catch (thrown) {
      throw this.#unreadable(thrown, bytes, position, from);
    }
  }

  /** Writes the value behind `head` bytes that are left free. The array is the caller's. Throws a ProduceError that names the field which does not fit. */
  write(value: unknown, head: number): Uint8Array<ArrayBuffer> {
    for (;;) {
      const start = pageAt;
      const end = this.#encode(value, start + head);
      if (end <= page.length) {
        const written = new Uint8Array(page.buffer as ArrayBuffer, page.byteOffset + start, end - start);
        pageAt = end;
        // A small value that came next would keep a large one in memory.
        if (written.length > pooledBytesMax) turnPage(0);
        return written;
      }
      turnPage(end - start);
    }
  }

  // Where the value ends, which may lie behind the end of the page: then it has not been written.
  #encode(value: unknown, start: number): number {
    try {
      const end = this.#type.encode(value, page, start);
      return end < 0 ? page.length - end : end;
    } catch (thrown) {
      throw this.#unwritable(value, thrown);
    }
  }

  #unwritable(value: unknown, thrown: unknown): ProduceError {
    let problem: string | undefined;
    this.#type.isValid(value, {
      errorHook: (path, found, wanted) => {
        const where = path.length === 0 ? "the value" : `field '${path.join(".")}'`;
        problem ??= `${where} is ${shown(found)}, ${wantedBy(wanted)} is wanted`;
      },
    });
    return new ProduceError("ENCODE_FAILED", `Cannot write a value as Avro '${this.name}': ${problem ?? reason(thrown)}`, {
      cause: thrown,
    });
  }

  #unreadable(thrown: unknown, bytes: Uint8Array, position: number, from: string): DecodeError {
    // A schema that contains itself is read by recursion, which hostile bytes can drive as deep as they are long.
    const tooDeep = thrown instanceof RangeError;
    const why = tooDeep ? "it is nested too deep" : reason(thrown);
    const code = tooDeep || thrown instanceof AvroLimit ? "LIMIT_EXCEEDED" : "DECODE_FAILED";
    return new DecodeError(
      code,
      `Cannot read ${bytes.length - position} bytes as Avro '${this.name}'${from}: ${why}${position === 0 ? hint(bytes) : ""}`,
      { cause: thrown },
    );
  }
}

/** Makes a schema ready that stands in the program. Throws a TopologyError when it is none. */
export const compileSchema = (schema: unknown): AvroCodec => {
  try {
    return new AvroCodec(avroType(schema));
  } catch (thrown) {
    throw new TopologyError("OPTION_INVALID", `Cannot use this Avro schema: ${reason(thrown)}`, { cause: thrown });
  }
};

/** Makes a schema ready that has been checked, after those that it refers to by name. Throws when it is none. */
export const compileSchemas = (references: readonly unknown[], schema: unknown): AvroCodec => {
  const names = avroNames();
  for (const reference of references) avroType(reference, names);
  return new AvroCodec(avroType(schema, names));
};

const wantedBy = (type: AvroType): string => {
  const kind = type.typeName.replace(":unwrapped", "");
  if (kind === "union") return `one of ${type.types!.map((branch) => branch.name ?? branch.typeName).join(", ")}`;
  if (kind === "fixed") return `a Uint8Array of ${type.size} bytes`;
  if (kind === "bytes") return "a Uint8Array";
  if (kind === "long") return "a whole number that is exact";
  if (kind === "enum") return `a symbol of enum ${type.name}`;
  return type.name === undefined ? `${/^[aei]/.test(kind) ? "an" : "a"} ${kind}` : `${kind} ${type.name}`;
};

// Small values share a page, as in the core's ByteWriter; avsc writes into Node's Buffer, so it has pages of its own.
const pageBytes = 16_384;
const pooledBytesMax = 2048;
let page = Buffer.allocUnsafeSlow(pageBytes);
let pageAt = 0;

const turnPage = (bytes: number): void => {
  page = Buffer.allocUnsafeSlow(Math.max(pageBytes, bytes));
  pageAt = 0;
};
