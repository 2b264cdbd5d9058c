import type { Store } from "../ports/store.ts";
import { prefixEnd, scopeEnd } from "./address.ts";

/**
 * Knows of which keys and namespaces a column may have entries in the store, so that those which were never there need not be looked for: finding nothing in an ordered store costs as much as finding something. It counts by a hash of
 * what their entries' addresses begin with; two that share one are taken for each other, which costs a look and hides nothing.
 */
export class StoredScopes {
  readonly #counts = new Map<number, number>();

  /** Counts what the store has of the column with this prefix, whose keys and namespaces both stand in the addresses. */
  constructor(store: Store, prefix: Uint8Array) {
    for (const [bytes] of store.range(prefix, prefixEnd(prefix))) this.add(scopeHash(bytes, scopeEnd(prefix.length, bytes)));
  }

  /** One more entry. */
  add(hash: number): void {
    this.#counts.set(hash, (this.#counts.get(hash) ?? 0) + 1);
  }

  /** One entry less. */
  remove(hash: number): void {
    const count = this.#counts.get(hash);
    if (count === undefined) return;
    if (count === 1) this.#counts.delete(hash);
    else this.#counts.set(hash, count - 1);
  }

  /** False only where there is none. */
  mayHold(hash: number): boolean {
    return this.#counts.has(hash);
  }
}

/** Of the first bytes, 30 bits, so that the engine keeps it as a small integer (FNV-1a). */
export const scopeHash = (bytes: Uint8Array, length: number = bytes.length): number => {
  let hash = 0x811c9dc5;
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return (hash ^ (hash >>> 30)) & 0x3fffffff;
};
