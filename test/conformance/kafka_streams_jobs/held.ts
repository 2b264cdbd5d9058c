import type { BuiltStore } from "./build.ts";
import type { Json, StoreOfVector } from "./vector.ts";
import { shownWindow } from "./windows.ts";

/** What a store holds, as a scenario shows it. */
export const held = (
  store: { all(): Iterable<Json>; timestampOf(key: Json, start?: number): number | undefined },
  { type, window }: BuiltStore,
): StoreOfVector => {
  const shown = (of: Json) => (window === undefined ? of : shownWindow(of, window));
  switch (type) {
    case "kv":
      return {
        type,
        entries: [...store.all()].map(([key, value]: Json) => ({
          ...(window === undefined ? { key } : { key: key.key, window: shown(key.window) }),
          value,
          ...stamp(store.timestampOf(key)),
        })),
      };
    case "versioned":
      return { type, entries: [...store.all()].map(([key, { value, timestamp }]: Json) => ({ key, value, timestamp })) };
    case "window":
      return {
        type,
        entries: [...store.all()].map(([{ key, window: at }, value]: Json) => ({
          key,
          window: shown(at),
          value,
          ...stamp(store.timestampOf(key, at.start)),
        })),
      };
    case "session":
      return { type, entries: [...store.all()].map(([{ key, window: at }, value]: Json) => ({ key, window: shown(at), value })) };
  }
};

const stamp = (timestamp: number | undefined): { readonly timestamp?: number } => (timestamp === undefined ? {} : { timestamp });
