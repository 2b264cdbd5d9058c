/**
 * A value as JSON, for people and programs that look at state: what JSON has no form for becomes what is nearest. Integers of any size, NaN and infinities are texts, bytes are base64, dates are ISO, a Map is a list of pairs, a Set and a typed array are lists; undefined is null, or no field.
 */
export const jsonOf = (value: unknown): string => JSON.stringify(value, plain) ?? "null";

/** Asked for each value with the object that holds it, since `toJSON` has been at the value itself already. */
function plain(this: unknown, name: string, written: unknown): unknown {
  const value = (this as Readonly<Record<string, unknown>>)[name];
  switch (typeof value) {
    case "bigint":
      return value.toString();
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "object":
      if (value instanceof Uint8Array) return base64(value);
      if (value instanceof ArrayBuffer) return base64(new Uint8Array(value));
      if (value instanceof DataView) return base64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
      if (value instanceof Map || value instanceof Set) return [...value];
      if (ArrayBuffer.isView(value)) return [...(value as Float64Array)];
      return written;
    default:
      return written;
  }
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
