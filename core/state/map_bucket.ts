import { heldBytes } from "./held_bytes.ts";
import type { NamespaceKey, Scoped } from "./scope_map.ts";
import type { MapKey, StepState } from "./step_state.ts";
import { scopeHash } from "./stored_scopes.ts";
import type { SubKey } from "./sub_key.ts";

/** What a MapTable holds in memory of one key, or of one key and namespace. */
export class Bucket<S, T> implements Scoped {
  readonly mapKey: MapKey;
  readonly namespaceKey: NamespaceKey;
  readonly key: unknown;
  readonly namespace: unknown;
  /** What the store's keys of all entries begin with. */
  readonly prefix: Uint8Array;
  readonly hash: number;
  readonly entries: Map<string | number | bigint | boolean, Entry<S, T>> = new Map();
  /** Every entry of the base is loaded, so that what is not here is nowhere. */
  complete = false;
  /** The Map is in the order of the sub-keys. */
  sorted = true;
  last: S | undefined;
  live = 0;
  dirty = 0;
  /** How many entries wait for their commit. */
  sealed = 0;
  touched = true;
  /** What it takes in memory with its entries, by estimate. */
  bytes: number;
  /** The table has let go of it. */
  gone = false;

  constructor(state: StepState, prefix: Uint8Array, namespaced: boolean) {
    this.mapKey = state.mapKey;
    this.namespaceKey = namespaced ? state.namespaceKey : undefined;
    this.key = state.key;
    this.namespace = namespaced ? state.namespace : undefined;
    this.prefix = prefix;
    this.hash = namespaced ? scopeHash(prefix) : 0;
    this.bytes = heldBytes.bucket + prefix.length;
  }

  /** It can be let go of: the base has all of it. */
  get isClean(): boolean {
    return this.dirty === 0 && this.sealed === 0;
  }

  /** Brings the Map into the order of the sub-keys. */
  sort({ compare, mapKey }: SubKey<S>): void {
    if (this.sorted) return;
    const entries = [...this.entries.values()].sort((a, b) => compare(a.sub, b.sub));
    this.entries.clear();
    for (const entry of entries) this.entries.set(mapKey(entry.sub), entry);
    this.sorted = true;
  }
}

/** An entry of a MapTable. */
export class Entry<S, T> {
  readonly bucket: Bucket<S, T>;
  readonly sub: S;
  value: T | undefined;
  dirty = false;
  /** The base has it, or will have it when the sealed part is committed. */
  stored: boolean;
  /** Sealed as deleted; the base has it until that is committed. */
  leaving = false;
  /** What it takes in memory, by estimate. */
  bytes: number;

  constructor(bucket: Bucket<S, T>, sub: S, value: T | undefined, stored: boolean, valueBytes: number) {
    this.bucket = bucket;
    this.sub = sub;
    this.value = value;
    this.stored = stored;
    this.bytes = heldBytes.entry + valueBytes;
  }
}
