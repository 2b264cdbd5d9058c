import * as E from "fp-ts/lib/Either.js";
import { DecodeError, ProduceError, reason, TopologyError } from "../../core/errors.ts";
import { hint } from "../../core/serde/hint.ts";
import type { Decoded, Serde } from "../../core/serde/serde.ts";
import { type AvroCodec, compileSchema, compileSchemas } from "./avro_codec.ts";
import type { AvroSchema, AvroValue } from "./avro_schema.ts";
import type { AvroResolver } from "./avro_types.ts";
import { checkedSchema } from "./schema_check.ts";
import type { RegisteredSchema, SchemaRegistry } from "./schema_registry.ts";

/** Where schemas are kept, and how values are registered. */
export interface AvroOptions {
  /** Values carry the id of the schema that wrote them, and that schema comes from here. @default none: everybody has the schema in the program */
  readonly registry?: SchemaRegistry;
  /** What the schema is registered under for writing. @default the topic's name and "-key" or "-value" */
  readonly subject?: string;
  /** Write with this id instead of asking the registry for one. */
  readonly id?: number;
  /** Whether a schema that the registry does not have is registered; else it must be there. @default true */
  readonly register?: boolean;
}

/**
 * Values as Avro, with the type that the schema's literal describes. A value that does not fit cannot be written, and the error names the field. Values read are plain
 * objects.
 *
 * Without a registry the bytes are plain Avro binary of exactly this schema. With one they carry the writer's schema id in front (the Confluent wire format), and what another version of the
 * schema has written is read by Avro's rules of resolution, or is a DecodeError with both fingerprints. A `long` beyond 2^53 is a DecodeError, never another number.
 *
 * @example
 * ```ts
 * import { avro } from "millrace/avro";
 *
 * const payment = avro({ type: "record", name: "Payment", fields: [{ name: "id", type: "string" }, { name: "amount", type: "double" }] });
 * const bytes = payment.serialize({ id: "a", amount: 12.5 }, "payments");
 * console.log(payment.deserialize(bytes, "payments"));
 * ```
 */
export const avro = <const S extends AvroSchema>(schema: S, options: AvroOptions = {}): Serde<AvroValue<S>> => {
  const codec = compileSchema(schema);
  const { registry } = options;
  if (registry !== undefined) return withRegistry<AvroValue<S>>(codec, JSON.stringify(schema), registry, options);
  if (options.subject !== undefined || options.id !== undefined || options.register !== undefined) {
    throw new TopologyError(
      "OPTION_INVALID",
      `Cannot use a subject or an id for Avro '${codec.name}' without a registry: pass { registry: confluentRegistry({ host }) }`,
    );
  }
  return {
    name: `avro:${codec.fingerprint}`,
    serialize: (value) => codec.write(value, 0),
    deserialize: (bytes) => decoded(() => codec.read(bytes, 0, undefined, "") as AvroValue<S>),
  };
};

/** What a schema id means to one reader: how its values are read, or why they cannot be. */
type Reading = { readonly resolver: AvroResolver | undefined; readonly from: string } | DecodeError;

const headBytes = 5;

/** A plain object like every other serde, so that it can be copied and changed with `{ ...serde }`. */
const withRegistry = <T>(codec: AvroCodec, text: string, registry: SchemaRegistry, options: AvroOptions): Serde<T> => {
  const serde = new RegistryAvro<T>(codec, text, registry, options);
  return {
    name: serde.name,
    open: (topic, where, use) => serde.open(topic, where, use),
    prepare: (bytes) => serde.prepare(bytes),
    serialize: (value, topic) => serde.serialize(value, topic),
    deserialize: (bytes) => serde.deserialize(bytes),
  };
};

class RegistryAvro<T> {
  readonly name: string;
  readonly #codec: AvroCodec;
  readonly #text: string;
  readonly #registry: SchemaRegistry;
  readonly #options: AvroOptions;
  readonly #idOfTopic = new Map<string, number>();
  readonly #readings = new Map<number, Reading>();
  #lastId = -1;
  #lastReading: Reading | undefined;

  constructor(codec: AvroCodec, text: string, registry: SchemaRegistry, options: AvroOptions) {
    this.name = `avro:${codec.fingerprint}@${registry.name}`;
    this.#codec = codec;
    this.#text = text;
    this.#registry = registry;
    this.#options = options;
  }

  async open(topic: string, where: "key" | "value", use: "read" | "write"): Promise<void> {
    if (use === "read") return;
    const { id, subject, register } = this.#options;
    this.#idOfTopic.set(topic, id ?? (await this.#registry.idOf(subject ?? `${topic}-${where}`, this.#text, register ?? true)));
  }

  serialize(value: T, topic: string): Uint8Array {
    const id = this.#options.id ?? this.#idOfTopic.get(topic);
    if (id === undefined)
      throw new ProduceError("ENCODE_FAILED", `Cannot write to topic '${topic}' as its schema id is not known: await open() first`);
    const bytes = this.#codec.write(value, headBytes);
    bytes[0] = 0;
    bytes[1] = id >>> 24;
    bytes[2] = id >>> 16;
    bytes[3] = id >>> 8;
    bytes[4] = id;
    return bytes;
  }

  prepare(bytes: Uint8Array): Promise<void> | undefined {
    const id = schemaId(bytes);
    if (id === undefined || id === this.#lastId || this.#readings.has(id) || this.#registry.known(id) !== undefined) return undefined;
    return this.#registry.fetch(id);
  }

  deserialize(bytes: Uint8Array): Decoded<T> {
    const id = schemaId(bytes);
    if (id === undefined) {
      return E.left(
        new DecodeError(
          "DECODE_FAILED",
          `Cannot read ${bytes.length} bytes as Avro '${this.#codec.name}': they do not begin with a zero and a schema id${hint(bytes)}`,
        ),
      );
    }
    const reading = id === this.#lastId ? this.#lastReading! : this.#readingOf(id);
    if (reading instanceof DecodeError) return E.left(reading);
    return decoded(() => this.#codec.read(bytes, headBytes, reading.resolver, reading.from) as T);
  }

  #readingOf(id: number): Reading {
    let reading = this.#readings.get(id);
    if (reading === undefined) {
      const known = this.#registry.known(id);
      if (known === undefined || known === "unknown") return this.#unknown(id, known === undefined);
      reading = this.#readingFrom(id, known);
      // Map keeps the order of insertion: the first is the one that has been here longest.
      if (this.#readings.size >= this.#registry.cacheSize) this.#readings.delete(this.#readings.keys().next().value!);
      this.#readings.set(id, reading);
    }
    this.#lastId = id;
    this.#lastReading = reading;
    return reading;
  }

  #unknown(id: number, unasked: boolean): DecodeError {
    const why = unasked ? `it has not been asked for: await prepare() before deserialize()` : `${this.#registry.name} does not have it`;
    return new DecodeError("SCHEMA_UNKNOWN", `Cannot read a record with schema id ${id}: ${why}`);
  }

  #readingFrom(id: number, { type, text, references }: RegisteredSchema): Reading {
    if (type !== "AVRO")
      return new DecodeError(
        "SCHEMA_INCOMPATIBLE",
        `Cannot read a record with schema id ${id} as Avro '${this.#codec.name}': its schema is of type ${type}`,
      );
    const checked: unknown[] = [];
    for (const each of [...references, text]) {
      const result = checkedSchema(each);
      if ("refused" in result) return new DecodeError("LIMIT_EXCEEDED", `Cannot use the schema of id ${id}: ${result.refused}`);
      checked.push(result.schema);
    }
    let writer: AvroCodec;
    try {
      writer = compileSchemas(checked.slice(0, -1), checked.at(-1));
    } catch (thrown) {
      return new DecodeError("SCHEMA_INCOMPATIBLE", `Cannot use the schema of id ${id}: ${reason(thrown)}`, { cause: thrown });
    }
    try {
      return { resolver: this.#codec.resolverFor(writer), from: ` with schema id ${id}` };
    } catch (thrown) {
      return new DecodeError(
        "SCHEMA_INCOMPATIBLE",
        `Cannot read records of schema id ${id} (writer '${writer.name}', fingerprint ${writer.fingerprint}) as '${this.#codec.name}' (fingerprint ${this.#codec.fingerprint}): ${reason(thrown)}`,
        { cause: thrown },
      );
    }
  }
}

/** The schema id in front of a value; undefined where there is no such frame. */
const schemaId = (bytes: Uint8Array): number | undefined =>
  bytes.length < headBytes || bytes[0] !== 0 ? undefined : ((bytes[1]! << 24) | (bytes[2]! << 16) | (bytes[3]! << 8) | bytes[4]!) >>> 0;

const decoded = <T>(read: () => T): Decoded<T> => {
  try {
    return E.right(read());
  } catch (thrown) {
    if (thrown instanceof DecodeError) return E.left(thrown);
    throw thrown;
  }
};
