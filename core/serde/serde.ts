import type { Either } from "fp-ts/lib/Either.js";
import type { DecodeError } from "../errors.ts";
import type { ByteWriter } from "./byte_writer.ts";

/** A value, or the reason why there is none: reading never throws on the path of a record. */
export type Decoded<T> = Either<DecodeError, T>;

/**
 * How values become bytes and come back. Both directions are synchronous; what has to be fetched first (a schema) is fetched by `open` and `prepare`, which the
 * engine awaits at the start and when an unknown schema is met.
 */
export interface Serde<T> {
  /** Throws when the value cannot be written; the engine makes a ProduceError of it. */
  serialize(value: T, topic: string): Uint8Array;
  /** Writes the bytes of `serialize` where the caller wants them, which for a record on its way out saves making an array of its own. Left out, `serialize` is asked. */
  write?(to: ByteWriter, value: T): void;
  /** Gives what cannot be read as a DecodeError; does not throw. The bytes may be a view of a larger buffer: who keeps them copies them. */
  deserialize(bytes: Uint8Array, topic: string): Decoded<T>;
  /** Reads what `deserialize` would, from `start` to `end` of a larger array, which saves an array for each record. Left out, `deserialize` is asked. */
  read?(bytes: Uint8Array, start: number, end: number): Decoded<T>;
  /** Awaited once per topic that is written or read, before its first record. */
  open?(topic: string, where: "key" | "value", use: "read" | "write"): Promise<void>;
  /** Asked before each `deserialize`: undefined when it can go on at once, else a promise to wait for. A rejection with a DecodeError stands for the record, any other is retried. */
  prepare?(bytes: Uint8Array, topic: string): Promise<void> | undefined;
  /** True where Kafka's null is a value of T (`nullable`). */
  readonly takesNull?: boolean;
  /** What two sides of a join compare to see that equal keys have equal bytes. */
  readonly name?: string;
}

/** The type of what a serde reads and writes. */
export type Infer<S> = S extends Serde<infer T> ? T : never;
