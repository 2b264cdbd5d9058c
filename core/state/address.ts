import { ByteWriter } from "../serde/byte_writer.ts";
import { writeWith } from "./codecs.ts";
import type { StepState } from "./step_state.ts";
import { writeSubKey } from "./sub_key.ts";

const encoder = new TextEncoder();

/** Stands for the key where state belongs to the whole task. It has no bytes, whatever the keys of the step are; such columns hold nothing else. */
export const taskKey: unique symbol = Symbol("task");

/** First bytes of every key of a column: its name and a zero. */
export const columnPrefix = (column: string): Uint8Array => encoder.encode(`${column}\u0000`);

/** Leaves room for the length of what is written next, and remembers where that begins. The length is a varint, mostly of one byte. */
export const openLength = (to: ByteWriter): number => {
  to.byte(0);
  return to.length;
};

/** Sets the length in front of all that was written since `openLength`. */
export const closeLength = (to: ByteWriter, opened: number): void => {
  const length = to.length - opened;
  let more = 0;
  for (let n = length; n > 127; n >>>= 7) more++;
  if (more > 0) {
    to.room(more);
    to.at += more;
  }
  // Making room moves what is written: only lengths stay true.
  let at = to.at - to.length + opened;
  if (more > 0) to.bytes.copyWithin(at + more, at, at + length);
  at--;
  let n = length;
  for (; n > 127; n >>>= 7) to.bytes[at++] = (n & 127) | 128;
  to.bytes[at] = n;
};

/** Reads such a length: where the bytes begin, and where they end. */
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

/** What stands behind a prefix, with it. */
export const behind = (prefix: Uint8Array, rest: Uint8Array): Uint8Array => {
  const both = new Uint8Array(prefix.length + rest.length);
  both.set(prefix);
  both.set(rest, prefix.length);
  return both;
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

/** How keys are written, and namespaces where there are some. */
export type Addressing = Pick<StepState, "keys"> & Partial<Pick<StepState, "namespaceCodec">>;

/** `key[, namespace]`, each behind its length, so that no entry's address is the beginning of another's. */
export const writeScope = (to: ByteWriter, state: Addressing, key: unknown, namespaced: boolean, namespace: unknown): void => {
  const keyStart = openLength(to);
  if (key !== taskKey) writeWith(state.keys, to, key);
  closeLength(to, keyStart);
  if (!namespaced) return;
  const start = openLength(to);
  writeSubKey(state.namespaceCodec!, to, namespace);
  closeLength(to, start);
};

/** `column, key[, namespace]`: where the entries of the given scope stand in the store. An array of its own, since it is kept as long as the scope is known. */
export const scopePrefix = (state: Addressing, prefix: Uint8Array, key: unknown, namespaced: boolean, namespace: unknown): Uint8Array => {
  // A serde of the user's own may look into other state while it writes.
  const to = writer ?? new ByteWriter();
  writer = undefined;
  to.begin();
  to.append(prefix);
  writeScope(to, state, key, namespaced, namespace);
  const address = to.lend().slice();
  writer = to;
  return address;
};

let writer: ByteWriter | undefined;

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

/** Where the sub-key begins in the address of an entry that has a namespace, without reading either. */
export const scopeEnd = (prefixLength: number, bytes: Uint8Array): number => readLength(bytes, readLength(bytes, prefixLength)[1])[1];
