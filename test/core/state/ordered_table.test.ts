import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { keyCodec, valueCodec } from "../../../core/state/codecs.ts";
import { MemoryStore } from "../../../core/state/memory_store.ts";
import { StepState } from "../../../core/state/step_state.ts";
import { type EntryKey, entryKey } from "../../../core/state/stores/entry_key.ts";
import { numberSubKey } from "../../../core/state/sub_key.ts";
import { VersionedRows } from "../../../core/state/versioned_rows.ts";

type Command =
  | { readonly do: "set"; readonly at: number; readonly value: number }
  | { readonly do: "delete"; readonly at: number }
  | { readonly do: "commit" | "restart" | "mark" | "rollback" | "keep" };

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("set" as const), at: fc.integer({ min: -3, max: 8 }), value: fc.nat(9) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("delete" as const), at: fc.integer({ min: -3, max: 8 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("commit" as const, "restart" as const, "mark" as const, "rollback" as const, "keep" as const),
    }),
  },
);

const opened = (store: MemoryStore) => {
  const state = new StepState(store, keyCodec(undefined));
  return { state, table: state.ordered<number, number>("o", numberSubKey, valueCodec()), last: state.number("last", 0) };
};

describe("a table in the order of its addresses", () => {
  it("is a sorted map, over every commit, restart and rollback", () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        const store = new MemoryStore();
        let { state, table, last } = opened(store);
        let model = new Map<number, number>();
        let number = 0;
        let committed = { model: new Map<number, number>(), number: 0 };
        let marked: { readonly model: Map<number, number>; readonly number: number } | undefined;
        const commit = (): void => {
          if (marked !== undefined) state.keep();
          marked = undefined;
          state.seal(() => {});
          state.committed(1);
          committed = { model: new Map(model), number };
        };
        for (const one of commands) {
          switch (one.do) {
            case "set":
              table.set(one.at, one.value);
              model.set(one.at, one.value);
              last.set((number = one.value));
              break;
            case "delete":
              table.delete(one.at);
              model.delete(one.at);
              break;
            case "commit":
              commit();
              break;
            case "restart":
              ({ state, table, last } = opened(store));
              model = new Map(committed.model);
              number = committed.number;
              marked = undefined;
              break;
            case "mark":
              if (marked !== undefined) state.keep();
              state.mark();
              marked = { model: new Map(model), number };
              break;
            case "keep":
              state.keep();
              marked = undefined;
              break;
            case "rollback":
              if (marked === undefined) break;
              state.rollback();
              ({ model, number } = marked);
              marked = undefined;
          }
          const sorted = [...model].sort(([a], [b]) => a - b);
          expect(table.from(undefined)).toEqual(sorted);
          expect([table.size, table.first(), table.last(), last.value]).toEqual([model.size, sorted[0], sorted.at(-1), number]);
        }
      }),
    );
  });

  it("reads one entry without the others, and all of them once somebody goes on reading", () => {
    const read: string[] = [];
    class Watched extends MemoryStore {
      override get(key: Uint8Array): Uint8Array | undefined {
        read.push("one");
        return super.get(key);
      }
      override range(from: Uint8Array | undefined, to: Uint8Array | undefined): IterableIterator<readonly [Uint8Array, Uint8Array]> {
        read.push("all");
        return super.range(from, to);
      }
    }
    const store = new Watched();
    const before = opened(store);
    for (let at = 0; at < 20; at++) before.table.set(at, at * at);
    before.state.seal(() => {});
    before.state.committed(1);
    read.length = 0;
    const { table, state } = opened(store);
    expect([table.get(3), table.get(99)]).toEqual([9, undefined]);
    expect(read).toEqual(["one", "one"]);
    for (let at = 0; at < 20; at++) expect(table.get(at)).toBe(at * at);
    expect(read.filter((what) => what === "all")).toEqual(["all"]);
    expect(read.length).toBeLessThan(12);
    table.set(3, 1);
    expect(table.get(3)).toBe(1);
    state.abort();
    read.length = 0;
    expect(table.get(3)).toBe(9);
    expect(read).toEqual(["one"]);
  });

  it("gives what lies behind an address, as long as it is asked to", () => {
    const { table } = opened(new MemoryStore());
    for (const at of [5, 1, 3, 9]) table.set(at, at);
    expect(table.from(2, (at) => at < 9).map(([at]) => at)).toEqual([3, 5]);
  });
});

describe("the entries of one key in a table of entries of many", () => {
  it("are the same, whether the table is loaded or not", () => {
    const bound = fc.constantFrom(Number.NEGATIVE_INFINITY, -5, 0, 1, 7, Number.POSITIVE_INFINITY);
    // Keys of which one begins with another, and with bytes that look like a number's.
    const key = fc.constantFrom([], [1], [1, 0], [1, 255], [1, 63, 240, 0, 0, 0, 0, 0, 0], [255]).map((bytes) => new Uint8Array(bytes));
    const number = fc.constantFrom(-5, 0, 1, 7);
    const address = fc.record({ key, first: number, second: number });
    fc.assert(
      fc.property(fc.array(address, { maxLength: 40 }), key, bound, bound, (addresses, key, from, to) => {
        const store = new MemoryStore();
        const open = () => new StepState(store, keyCodec(undefined)).ordered<EntryKey, number>("e", entryKey, valueCodec());
        const state = new StepState(store, keyCodec(undefined));
        const loaded = state.ordered<EntryKey, number>("e", entryKey, valueCodec());
        for (const [n, at] of addresses.entries()) loaded.set(at, n);
        state.seal(() => {});
        state.committed(1);
        const bounds = [
          { key, first: from, second: Number.NEGATIVE_INFINITY },
          { key, first: to, second: Number.POSITIVE_INFINITY },
        ] as const;
        const expected = loaded
          .from(undefined)
          .filter(([at]) => entryKey.compare(bounds[0], at) <= 0 && entryKey.compare(at, bounds[1]) <= 0);
        expect(loaded.between(...bounds)).toEqual(expected);
        expect(open().between(...bounds)).toEqual(expected);
      }),
    );
  });
});

describe("rows with a history", () => {
  it("are what a list of all puts says, however they are forgotten", () => {
    const put = fc.record({ key: fc.constantFrom("a", "b"), value: fc.option(fc.nat(9)), timestamp: fc.nat(40), commit: fc.boolean() });
    fc.assert(
      fc.property(fc.array(put, { maxLength: 60 }), fc.nat(20), (puts, historyMs) => {
        const state = new StepState(new MemoryStore(), keyCodec(undefined));
        const rows = new VersionedRows<number>(state, valueCodec(), historyMs);
        const kept = new Map<string, Map<number, number | null>>();
        let time = Number.NEGATIVE_INFINITY;
        for (const { key, value, timestamp, commit } of puts) {
          state.setKey(key);
          const versions = kept.get(key) ?? new Map<number, number | null>();
          kept.set(key, versions);
          const got = rows.put(value, timestamp);
          if (timestamp < time - historyMs) {
            expect(got).toBe("expired");
            continue;
          }
          time = Math.max(time, timestamp);
          versions.set(timestamp, value);
          const later = [...versions.keys()].filter((at) => at > timestamp);
          expect(got).toEqual(later.length === 0 ? "latest" : { validTo: Math.min(...later) });
          if (commit) {
            state.seal(() => {});
            state.committed(1);
          }
        }
        for (const [key, versions] of kept) {
          state.setKey(key);
          for (let asOf = 0; asOf <= 41; asOf++) {
            const before = [...versions.keys()].filter((at) => at <= asOf);
            const since = Math.max(...before);
            const later = [...versions.keys()].filter((at) => at > asOf);
            const value = before.length === 0 ? null : versions.get(since)!;
            const expected = value === null || (later.length > 0 && asOf < time - historyMs) ? undefined : value;
            state.setKey(key);
            expect(rows.asOf(asOf)?.value).toBe(expected);
          }
        }
      }),
    );
  });
});
