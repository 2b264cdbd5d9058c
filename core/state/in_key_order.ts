import type { Store } from "../ports/store.ts";
import { behind, prefixEnd, readLength } from "./address.ts";
import { compareBytes } from "./time_key.ts";

/**
 * The entries of a column that has one value per key, in the order of the keys' bytes. In the store each key stands behind its length, so keys of one length are in order there; those of different lengths are merged. What is not asked for is not read.
 *
 * @param from keys before it are left out
 */
export function* inKeyOrder(
  store: Store,
  prefix: Uint8Array,
  from: Uint8Array | undefined,
): IterableIterator<readonly [key: Uint8Array, value: Uint8Array]> {
  const heads: Head[] = [];
  for (const length of lengthsIn(store, prefix)) {
    const first = from === undefined ? length : behind(length, from);
    const head = next(store.range(first, prefixEnd(length))[Symbol.iterator](), length.length);
    if (head !== undefined) heads.push(head);
  }
  while (heads.length > 0) {
    let least = 0;
    for (let i = 1; i < heads.length; i++) if (compareBytes(heads[i]!.key, heads[least]!.key) < 0) least = i;
    const { key, value, rest, at } = heads[least]!;
    yield [key, value];
    const head = next(rest, at);
    if (head === undefined) heads.splice(least, 1);
    else heads[least] = head;
  }
}

/** The next entry of the keys of one length. */
interface Head {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly rest: Iterator<readonly [Uint8Array, Uint8Array]>;
  /** Where the key begins. */
  readonly at: number;
}

const next = (rest: Iterator<readonly [Uint8Array, Uint8Array]>, at: number): Head | undefined => {
  const { value: entry, done } = rest.next();
  return done === true ? undefined : { key: entry[0].subarray(at), value: entry[1], rest, at };
};

/** What the entries of each length begin with. */
function* lengthsIn(store: Store, prefix: Uint8Array): IterableIterator<Uint8Array> {
  const end = prefixEnd(prefix);
  for (let at: Uint8Array | undefined = prefix; at !== undefined; ) {
    const { value: entry, done } = store.range(at, end)[Symbol.iterator]().next();
    if (done === true) return;
    const length: Uint8Array = entry[0].slice(0, readLength(entry[0], prefix.length)[0]);
    yield length;
    at = prefixEnd(length);
  }
}
