import * as E from "fp-ts/lib/Either.js";
import { StoreError } from "../../errors.ts";
import type { Serde } from "../../serde/serde.ts";
import type { Descriptor } from "../descriptors.ts";
import type { StepState } from "../step_state.ts";

declare const readable: unique symbol;
declare const writable: unique symbol;

/** How what a store holds can be read by those who do not own it: tests, queries, tools. */
export interface StoreReader {
  readonly kind: "key-value" | "window" | "session" | "versioned";
  /** A view of what the state holds. */
  read(state: StepState): unknown;
  /** The bytes by which the keys are in order, of a store with keys of its own. @default those of the step's keys */
  keyBytes?(key: unknown): Uint8Array;
  /**
   * What is in the store, without open changes, in the order of the keys' bytes, from a key on; each entry is read when it is asked for. An undefined value is none. Where this is left out, a list is made of all that there is.
   */
  walk?(state: StepState, from: Uint8Array | undefined): Iterable<readonly [bytes: Uint8Array, key: unknown, value: unknown]>;
  /** What an entry of the changelog says, of stores with one value per key; undefined for what is not for the user's eyes. */
  change?(
    state: StepState,
    key: Uint8Array,
    value: Uint8Array | null,
  ): { readonly key: unknown; readonly value: unknown; readonly timestamp: number | undefined } | undefined;
}

/** A store that a program declares: named, with keys of its own, shared by every step that lists it in `state`. A is what a step may do with it, R what everybody may. */
export interface StoreDescriptor<out A, out R> extends Descriptor<A, "store"> {
  readonly name: string;
  /** How keys and values are written. */
  readonly key: Serde<any>;
  readonly value: Serde<any>;
  /** What tells two stores of this name apart. */
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  readonly changelog: boolean;
  readonly open: (state: StepState) => A;
  readonly reader: StoreReader;
  readonly [readable]?: R;
  readonly [writable]?: A;
}

/** How the entries of a store are written. */
export interface StoreOptions<K, V> {
  readonly key: Serde<K>;
  readonly value: Serde<V>;
  /** Whether its changes go to a changelog, from which it comes back. Without one it begins empty whenever a task is opened: at each start, and where it moves to. @default true */
  readonly changelog?: boolean;
}

/** Keys as they are written and read: always arrays of their own. */
export const storedKeys = <K>(serde: Serde<K>): { encode(key: K): Uint8Array; decode(bytes: Uint8Array): K } => ({
  encode: (key) => serde.serialize(key, "").slice(),
  decode: (bytes) => {
    const decoded = serde.deserialize(bytes, "");
    if (E.isRight(decoded)) return decoded.right;
    throw new StoreError("STORE_FAILED", `Cannot read the key of a stored entry: ${decoded.left.message}; did its serde change?`, {
      cause: decoded.left,
    });
  },
});
