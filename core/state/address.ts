import type { StepState } from "./step_state.ts";

const encoder = new TextEncoder();

/** Stands for the key where state belongs to the whole task. It has no bytes, whatever the keys of the step are; such columns hold nothing else. */
export const taskKey: unique symbol = Symbol("task");
const noBytes = new Uint8Array(0);

/** First bytes of every key of a column: its name and a zero. */
export const columnPrefix = (column: string): Uint8Array => encoder.encode(`${column}\u0000`);

/** Bytes that part by part make the key of an entry; parts that something follows carry their length, so that no entry is the prefix of another's. */
export const concat = (parts: readonly Uint8Array[]): Uint8Array => {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
};

/** The bytes behind their length as a varint. */
export const withLength = (bytes: Uint8Array): Uint8Array => {
  let size = 1;
  for (let n = bytes.length; n > 127; n >>>= 7) size++;
  const out = new Uint8Array(size + bytes.length);
  let at = 0;
  let n = bytes.length;
  for (; n > 127; n >>>= 7) out[at++] = (n & 127) | 128;
  out[at++] = n;
  out.set(bytes, at);
  return out;
};

/** Reads what `withLength` wrote: the bytes, and where they end. */
export const readLength = (bytes: Uint8Array, at: number): readonly [start: number, end: number] => {
  let length = 0;
  let shift = 0;
  let byte: number;
  do {
    byte = bytes[at++]!;
    length |= (byte & 127) << shift;
    shift += 7;
  } while (byte > 127);
  return [at, at + length];
};

/** The smallest key that is larger than every key with this prefix; undefined when there is none. */
export const prefixEnd = (prefix: Uint8Array): Uint8Array | undefined => {
  let end = prefix.length;
  while (end > 0 && prefix[end - 1] === 255) end--;
  if (end === 0) return undefined;
  const bound = prefix.slice(0, end);
  bound[end - 1] = bound[end - 1]! + 1;
  return bound;
};

/** `column, key[, namespace]`: where the entries of the given scope stand in the store. */
export const scopePrefix = (state: StepState, prefix: Uint8Array, key: unknown, namespaced: boolean, namespace: unknown): Uint8Array => {
  const keyBytes = withLength(key === taskKey ? noBytes : state.keys.encode(key));
  return namespaced ? concat([prefix, keyBytes, withLength(state.namespaceCodec.encode(namespace))]) : concat([prefix, keyBytes]);
};

/** Reads key and namespace back from an entry's key; `rest` is where the sub-key begins. */
export const readScope = (
  state: StepState,
  prefixLength: number,
  bytes: Uint8Array,
  namespaced: boolean,
): { readonly key: unknown; readonly namespace: unknown; readonly rest: number } => {
  const [keyStart, keyEnd] = readLength(bytes, prefixLength);
  const key = state.keys.decode(bytes.subarray(keyStart, keyEnd));
  if (!namespaced) return { key, namespace: undefined, rest: keyEnd };
  const [start, end] = readLength(bytes, keyEnd);
  return { key, namespace: state.namespaceCodec.decode(bytes.subarray(start, end)), rest: end };
};
