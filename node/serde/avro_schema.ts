/**
 * An Avro schema as a literal in the program, from which `AvroValue` reads the type. What has a name may be referred to by it; logical types are read and
 * written as the type that they stand on. See https://avro.apache.org/docs/1.11.1/specification/.
 */
export type AvroSchema =
  | keyof AvroPrimitives
  // Any other string is the name of a record, enum or fixed that stands elsewhere in the schema.
  | (string & {})
  | readonly AvroSchema[]
  | AvroRecord
  | {
      readonly type: "enum";
      readonly name: string;
      readonly namespace?: string;
      readonly symbols: readonly string[];
      readonly default?: string;
    }
  | { readonly type: "fixed"; readonly name: string; readonly namespace?: string; readonly size: number; readonly logicalType?: string }
  | { readonly type: "array"; readonly items: AvroSchema }
  | { readonly type: "map"; readonly values: AvroSchema }
  | { readonly type: keyof AvroPrimitives; readonly logicalType?: string };

/** The schema of a record. */
export interface AvroRecord {
  readonly type: "record";
  readonly name: string;
  readonly namespace?: string;
  readonly doc?: string;
  readonly aliases?: readonly string[];
  readonly fields: readonly AvroField[];
}

/** A field of a record. */
export interface AvroField {
  readonly name: string;
  readonly type: AvroSchema;
  /** What a reader takes when the writer does not know the field. */
  readonly default?: unknown;
  readonly doc?: string;
  readonly aliases?: readonly string[];
}

/** What a value of each primitive type is. A `long` that a number cannot hold exactly is an error when read, never another number. */
export interface AvroPrimitives {
  null: null;
  boolean: boolean;
  int: number;
  long: number;
  float: number;
  double: number;
  string: string;
  bytes: Uint8Array;
}

/**
 * The type of the values that an Avro schema describes.
 *
 * @example
 * ```ts
 * import type { AvroValue } from "millrace/avro";
 *
 * type Point = AvroValue<{ type: "record"; name: "Point"; fields: [{ name: "x"; type: "int" }, { name: "label"; type: ["null", "string"] }] }>;
 * const point: Point = { x: 1, label: null };
 * ```
 */
export type AvroValue<S> = Value<S, S>;

type Value<S, Root> = string extends S
  ? unknown
  : S extends keyof AvroPrimitives
    ? AvroPrimitives[S]
    : S extends string
      ? Value<Extract<Named<Root>, { readonly name: S | Unqualified<S> }>, Root>
      : S extends readonly (infer U)[]
        ? Value<U, Root>
        : S extends {
              readonly type: "record";
              readonly fields: infer F extends readonly { readonly name: string; readonly type: unknown }[];
            }
          ? { readonly [X in F[number] as X["name"]]: Value<X["type"], Root> }
          : S extends { readonly type: "enum"; readonly symbols: readonly (infer E)[] }
            ? E
            : S extends { readonly type: "fixed" }
              ? Uint8Array
              : S extends { readonly type: "array"; readonly items: infer I }
                ? readonly Value<I, Root>[]
                : S extends { readonly type: "map"; readonly values: infer M }
                  ? { readonly [key: string]: Value<M, Root> }
                  : S extends { readonly type: infer P extends keyof AvroPrimitives }
                    ? AvroPrimitives[P]
                    : never;

type Unqualified<S extends string> = S extends `${string}.${infer Rest}` ? Unqualified<Rest> : S;

/** Every part of a schema that has a name. */
type Named<S> = S extends string
  ? never
  : S extends readonly (infer U)[]
    ? Named<U>
    : S extends { readonly type: "record"; readonly fields: infer F extends readonly { readonly type: unknown }[] }
      ? S | Named<F[number]["type"]>
      : S extends { readonly type: "enum" | "fixed" }
        ? S
        : S extends { readonly items: infer I }
          ? Named<I>
          : S extends { readonly values: infer M }
            ? Named<M>
            : never;
