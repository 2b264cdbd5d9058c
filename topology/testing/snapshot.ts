import type { Store } from "../../core/ports/store.ts";
import { writeBytes } from "../../core/serde/byte_writer.ts";
import { pack } from "../../core/serde/pack.ts";
import { unpack } from "../../core/serde/unpack.ts";
import { MemoryStore } from "../../core/state/memory_store.ts";

export type Stores = ReadonlyMap<string, Store>;

type Entries = readonly (readonly [key: Uint8Array, value: Uint8Array])[];

/** All that is committed, by store. */
export const snapshotOf = (stores: Stores): Uint8Array =>
  writeBytes((to) => {
    pack(
      to,
      [...stores].map(([name, store]) => [name, [...store.range(undefined, undefined)]]),
      0,
    );
  }, undefined);

/** Stores with what a snapshot has of them; one that it does not know begins empty. */
export const restoredStores = (names: readonly string[], snapshot: Uint8Array | undefined): Stores => {
  const stored = new Map(snapshot === undefined ? [] : (unpack(snapshot) as readonly (readonly [string, Entries])[]));
  return new Map(
    names.map((name) => {
      const store = new MemoryStore();
      store.write(
        (stored.get(name) ?? []).map(([key, value]) => ({ key, value })),
        { changelogOffset: 0 },
      );
      return [name, store];
    }),
  );
};
