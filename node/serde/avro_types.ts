import { Buffer } from "node:buffer";
import avsc from "avsc";
import { isWellFormed } from "../../core/serde/utf8.ts";
import { readLong, type Tap, writeLong } from "./avro_long.ts";

/**
 * Avro types that can be trusted with bytes and values from outside. avsc resolves schemas and generates fast code for records; what it does with the other types is
 * replaced where it would lose data or could be made to hang:
 * - arrays and maps check how many elements there can be, so that a few bytes cannot ask for billions of them, and a block cannot send the reader back;
 * - a long is read and written exactly or not at all (avsc flips the sign of longs below -2^52, see the test), an int stays within 32 bits;
 * - strings are UTF-8 in both directions, bytes are a Uint8Array, records are plain objects, a map cannot hold `__proto__`;
 * - a union takes the value itself and finds its branch, also where two branches are numbers or records.
 */
export const avroType = (schema: unknown, known: AvroNames = avroNames()): AvroType => {
  // The schema that a type is being made for: avsc asks for a type before it makes one itself.
  let making: unknown;
  const options = {
    registry: known,
    omitRecordMethods: true,
    wrapUnions: "always",
    typeHook: (asked: unknown): AvroType | undefined => {
      if (asked === making) {
        making = undefined;
        return undefined;
      }
      const kind = typeof asked === "string" ? asked : Array.isArray(asked) ? "union" : (asked as { readonly type?: unknown } | null)?.type;
      const primitive = typeof kind === "string" ? primitives.get(kind) : undefined;
      if (primitive !== undefined) return primitive;
      const methods = typeof kind === "string" && typeof asked === "object" ? overrides.get(kind) : undefined;
      if (methods === undefined) return undefined;
      making = asked;
      const base = forSchema(asked, options);
      const type = derive(base, methods);
      // A name stands for the type that others get to see.
      if (base.name !== undefined) known[base.name] = type;
      return type;
    },
  };
  const type = forSchema(schema, options);
  settle(type, new Set());
  return type;
};

/** Types by name, filled as schemas are read: how one schema refers to another. */
export type AvroNames = Record<string, AvroType>;

export const avroNames = (): AvroNames => Object.create(null) as AvroNames;

/** How many elements without bytes of their own (nulls) one value may have. */
export const emptyElementsMax = 65_536;

/** The part of avsc's types that this code stands on. */
export interface AvroType {
  readonly typeName: string;
  readonly name: string | undefined;
  readonly itemsType?: AvroType;
  readonly valuesType?: AvroType;
  readonly types?: readonly AvroType[];
  readonly fields?: readonly { readonly name: string; readonly type: AvroType }[];
  readonly size?: number;
  readonly recordConstructor?: Function;
  decode(bytes: Buffer, position: number, resolver?: AvroResolver): { readonly value: unknown; readonly offset: number };
  encode(value: unknown, into: Buffer, position: number): number;
  isValid(value: unknown, options: { readonly errorHook: (path: readonly string[], value: unknown, type: AvroType) => void }): boolean;
  fingerprint(): Buffer;
  createResolver(writer: AvroType, options?: object): AvroResolver;
  _read(tap: Tap): unknown;
  _skip(tap: Tap): void;
  _write(tap: Tap, value: unknown): void;
  _check(value: unknown, flags?: number, hook?: (value: unknown, type: AvroType) => void, path?: string[]): boolean;
  _copy(value: unknown, options?: object): unknown;
}

/** Reads what another schema has written. */
export interface AvroResolver {
  _read: ((tap: Tap) => unknown) | null;
}

/** Thrown when bytes ask for more than there can be. */
export class AvroLimit extends Error {
  override readonly name = "AvroLimit";
}

/** Decodes one value; `offset` is -1 when the bytes end early. Not to be called from within itself. */
export const decodeAvro = (
  type: AvroType,
  bytes: Buffer,
  position: number,
  resolver: AvroResolver | undefined,
): { readonly value: unknown; readonly offset: number } => {
  elementsLeft = bytes.length - position + emptyElementsMax;
  return type.decode(bytes, position, resolver);
};

type Methods = { readonly [M in keyof AvroType | "_update"]?: unknown };

const forSchema = avsc.Type.forSchema as unknown as (schema: unknown, options: object) => AvroType;

// Types are frozen, so the new methods go on an object that inherits everything else.
const derive = (base: AvroType, methods: Methods): AvroType => {
  const type = Object.create(base) as AvroType;
  for (const [name, value] of Object.entries(methods)) Object.defineProperty(type, name, { value });
  return type;
};

/** Makes records plain objects, and lookups by name blind to what objects inherit ("constructor" is no symbol of an enum). */
const settle = (type: AvroType, seen: Set<AvroType>): void => {
  if (seen.has(type)) return;
  seen.add(type);
  const { _indices, _fieldsByName, _branchIndices } = type as unknown as Readonly<Record<string, object | undefined>>;
  for (const table of [_indices, _fieldsByName, _branchIndices]) if (table !== undefined) Object.setPrototypeOf(table, null);
  if (type.recordConstructor !== undefined) type.recordConstructor.prototype = Object.prototype;
  for (const inner of [type.itemsType, type.valuesType, ...(type.types ?? []), ...(type.fields ?? []).map((field) => field.type)]) {
    if (inner !== undefined) settle(inner, seen);
  }
};

let elementsLeft = 0;

/** The size of the next block of an array or map, 0 at its end. */
const nextBlock = (tap: Tap): number => {
  let count = tap.readLong();
  if (count < 0) {
    count = -count;
    tap.skipLong();
  }
  elementsLeft -= count;
  if (!(elementsLeft >= 0)) throw new AvroLimit(`${count} elements are more than the bytes can hold`);
  return count;
};

const skipBlocks = (tap: Tap, skipElement: () => void): void => {
  for (let count = nextBlock(tap); count !== 0; count = nextBlock(tap)) while (count-- > 0) skipElement();
};

const readInt = (tap: Tap): number => {
  const value = readLong(tap);
  if ((value | 0) !== value) throw new Error("an int in it does not fit into 32 bits");
  return value;
};

const strict = new TextDecoder("utf-8", { fatal: true });

const readString = (tap: Tap): string | undefined => {
  const before = tap.pos;
  const value = tap.readString();
  // The replacement character may have been written, or stand for bytes that are not UTF-8.
  if (value?.includes("\ufffd")) {
    const end = tap.pos;
    tap.pos = before;
    const length = tap.readLong();
    tap.pos = end;
    try {
      strict.decode(tap.buf.subarray(end - length, end));
    } catch {
      throw new Error("a string in it is not UTF-8");
    }
  }
  return value;
};

const readBytes = (tap: Tap, length: number): Uint8Array | undefined => {
  const start = tap.pos;
  if (length < 0 || length > tap.buf.length - start) {
    tap.pos = tap.buf.length + 1;
    return undefined;
  }
  tap.pos = start + length;
  return new Uint8Array(tap.buf.subarray(start, tap.pos));
};

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const invalid = (): Error => new Error("it does not fit the schema");

const checked = (fits: (value: any, type: AvroType) => boolean) =>
  function (this: AvroType, value: unknown, _flags?: number, hook?: (value: unknown, type: AvroType) => void): boolean {
    const ok = fits(value, this);
    if (!ok && hook !== undefined) hook(value, this);
    return ok;
  };

const takesAll = (from: readonly string[]) =>
  function (this: AvroType, resolver: AvroResolver, writer: AvroType): void {
    if (from.includes(writer.typeName)) resolver._read = writer._read;
  };

const primitive = (name: string, methods: Methods): readonly [string, AvroType] => [name, derive(forSchema(name, {}), methods)];

const fitsString = (value: unknown): boolean => typeof value === "string" && isWellFormed(value);
const fitsLong = (value: unknown): boolean => Number.isSafeInteger(value);
const fitsBytes = (value: unknown): boolean => value instanceof Uint8Array;

/** A default of a bytes or fixed field is spelt in the schema as a string, one character per byte; `coerce: 2` says that this is one. */
function copyBytes(this: AvroType, value: unknown, options?: { readonly coerce?: number }): Uint8Array {
  const bytes = options?.coerce === 2 && typeof value === "string" ? new Uint8Array(Buffer.from(value, "latin1")) : value;
  if (!this._check(bytes)) throw invalid();
  return new Uint8Array(bytes as Uint8Array);
}

const primitives: ReadonlyMap<string, AvroType> = new Map([
  primitive("int", { _read: readInt }),
  primitive("long", {
    _read: readLong,
    _check: checked(fitsLong),
    _write: (tap: Tap, value: unknown) => {
      if (!fitsLong(value)) throw invalid();
      writeLong(tap, value as number);
    },
    _update: takesAll(["int", "long"]),
  }),
  primitive("float", { _update: takesAll(["int", "long", "float"]) }),
  primitive("double", { _update: takesAll(["int", "long", "float", "double"]) }),
  primitive("string", {
    _read: readString,
    _check: checked(fitsString),
    _write: (tap: Tap, value: unknown) => {
      if (!fitsString(value)) throw invalid();
      tap.writeString(value as string);
    },
  }),
  primitive("bytes", {
    _read: (tap: Tap) => readBytes(tap, readLong(tap)),
    _check: checked(fitsBytes),
    _write: (tap: Tap, value: unknown) => {
      if (!fitsBytes(value)) throw invalid();
      const bytes = value as Uint8Array;
      tap.writeLong(bytes.length);
      tap.writeFixed(asBuffer(bytes), bytes.length);
    },
    _copy: copyBytes,
  }),
]);

const overrides: ReadonlyMap<string, Methods> = new Map<string, Methods>([
  [
    "array",
    {
      _read(this: { readonly itemsType: AvroType }, tap: Tap): unknown[] {
        const items = this.itemsType;
        const values: unknown[] = [];
        for (let count = nextBlock(tap); count !== 0; count = nextBlock(tap)) while (count-- > 0) values.push(items._read(tap));
        return values;
      },
      _skip(this: { readonly itemsType: AvroType }, tap: Tap): void {
        skipBlocks(tap, () => this.itemsType._skip(tap));
      },
    },
  ],
  [
    "map",
    {
      _read(this: { readonly valuesType: AvroType }, tap: Tap): unknown {
        const values = this.valuesType;
        const map: Record<string, unknown> = {};
        for (let count = nextBlock(tap); count !== 0; count = nextBlock(tap)) {
          while (count-- > 0) {
            const key = readString(tap) ?? "";
            if (key === "__proto__") throw new Error("a map in it has the key '__proto__', which would change what other objects inherit");
            map[key] = values._read(tap);
          }
        }
        return map;
      },
      _skip(this: { readonly valuesType: AvroType }, tap: Tap): void {
        skipBlocks(tap, () => {
          tap.skipString();
          this.valuesType._skip(tap);
        });
      },
    },
  ],
  [
    "fixed",
    {
      _read(this: { readonly size: number }, tap: Tap): unknown {
        return readBytes(tap, this.size);
      },
      _check: checked((value, type) => fitsBytes(value) && value.length === type.size),
      _write(this: AvroType, tap: Tap, value: unknown): void {
        if (!this._check(value)) throw invalid();
        tap.writeFixed(asBuffer(value as Uint8Array), this.size!);
      },
      _copy: copyBytes,
    },
  ],
  [
    "union",
    {
      typeName: "union:unwrapped",
      _read(this: { readonly types: readonly AvroType[] }, tap: Tap): unknown {
        const index = tap.readLong();
        const branch = this.types[index];
        if (branch === undefined) throw new Error(`a union in it has no branch ${index}`);
        return branch._read(tap);
      },
      _skip(this: { readonly types: readonly AvroType[] }, tap: Tap): void {
        const index = tap.readLong();
        const branch = this.types[index];
        if (branch === undefined) throw new Error(`a union in it has no branch ${index}`);
        branch._skip(tap);
      },
      _write(this: { readonly types: readonly AvroType[] }, tap: Tap, value: unknown): void {
        const index = branchOf(this.types, value);
        if (index < 0) throw invalid();
        tap.writeLong(index);
        this.types[index]!._write(tap, value);
      },
      _check(this: AvroType, value: unknown, flags?: number, hook?: (value: unknown, type: AvroType) => void, path?: string[]): boolean {
        const index = branchOf(this.types!, value);
        if (index >= 0) return this.types![index]!._check(value, flags, hook, path);
        if (hook !== undefined) hook(value, this);
        return false;
      },
      _copy(this: { readonly types: readonly AvroType[] }, value: unknown, options?: { readonly wrap?: number }): unknown {
        // A default is always one of the first branch; that is what `wrap: 2` says.
        const index = options?.wrap === 2 ? 0 : branchOf(this.types, value);
        if (index < 0) throw invalid();
        return this.types[index]!._copy(value, options);
      },
      _update(this: { readonly types: readonly AvroType[] }, resolver: AvroResolver, writer: AvroType, options: object): void {
        // The branch of the same kind first: a writer's int shall not become a string because "string" stands before "int".
        const sameKind = this.types.filter((type) => type.typeName === writer.typeName);
        for (const type of [...sameKind, ...this.types]) {
          try {
            const inner = type.createResolver(writer, options);
            resolver._read = (tap) => inner._read!(tap);
            return;
          } catch {
            // Another branch may fit.
          }
        }
      },
    },
  ],
]);

/** The first branch that the value fits, an exact fit of a record before one with fields left over; -1 when there is none. */
const branchOf = (types: readonly AvroType[], value: unknown): number => {
  if (types.length === 2 && value !== null && value !== undefined) {
    // The usual optional field: whatever is not null belongs to the other branch, which checks it while writing.
    if (types[0]!.typeName === "null") return 1;
    if (types[1]!.typeName === "null") return 0;
  }
  for (const flags of [noUndeclaredFields, 0]) {
    for (let index = 0; index < types.length; index++) if (types[index]!._check(value, flags)) return index;
  }
  return -1;
};

const noUndeclaredFields = 1;
