import type { StoreReader } from "../state/stores/store_descriptor.ts";

/** What each method of a view asks for: the value of one key, which stands first, or a list of it; entries of many keys; or a number of entries. */
const methods: Readonly<Record<StoreReader["kind"], Readonly<Record<string, "value" | "list" | "entries" | "sum">>>> = {
  "key-value": { get: "value", timestampOf: "value", range: "entries", prefix: "entries", all: "entries", approximateSize: "sum" },
  window: { get: "value", timestampOf: "value", fetch: "list", fetchRange: "entries", fetchAll: "entries", all: "entries" },
  session: { get: "value", fetch: "list", find: "list", findRange: "entries", all: "entries" },
  versioned: { get: "value", history: "list", all: "entries" },
};

/** Where a view takes its answers from. Both throw when they cannot be had here. */
export interface ViewParts {
  /** The part of the store that has the key. */
  partOf(key: unknown): unknown;
  /** All parts that are here. */
  parts(): readonly unknown[];
}

/**
 * The parts of a store as one store that can only be read. What is asked of one key is asked of its part; what is asked of many is what all parts that are here answer, one part after the other. Lists are snapshots.
 */
export const storeView = (kind: StoreReader["kind"], from: ViewParts): object =>
  Object.freeze(
    Object.fromEntries(
      Object.entries(methods[kind]).map(([name, asks]) => {
        const ask = (part: unknown, args: readonly unknown[]): any =>
          (part as Readonly<Record<string, (...args: readonly unknown[]) => unknown>>)[name]!(...args);
        const all = (args: readonly unknown[]): readonly any[] => from.parts().map((part) => ask(part, args));
        const answers = {
          value: (...args: readonly unknown[]) => ask(from.partOf(args[0]), args),
          list: (...args: readonly unknown[]) => [...ask(from.partOf(args[0]), args)],
          entries: (...args: readonly unknown[]) => all(args).flatMap((entries) => [...entries]),
          sum: (...args: readonly unknown[]) => all(args).reduce((sum: number, one: number) => sum + one, 0),
        };
        return [name, answers[asks]];
      }),
    ),
  );
