import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { keyCodec, valueCodec } from "../../../core/state/codecs.ts";
import { MemoryStore } from "../../../core/state/memory_store.ts";
import { StepState } from "../../../core/state/step_state.ts";
import { numberSubKey } from "../../../core/state/sub_key.ts";

describe("namespaced tables", () => {
  it("see what was written between a seal and its commit for a key whose first record was taken back", () => {
    // The key's empty bucket of before was let go of with the commit, and took the new one with it.
    const state = new StepState(new MemoryStore(), keyCodec(undefined));
    state.useNamespaces(numberSubKey);
    const map = state.map("m", numberSubKey, valueCodec<string>(), { namespaced: true });
    state.setKey("k");
    state.setNamespace(1);
    state.mark();
    map.append("taken back");
    state.rollback();
    state.seal(() => {});
    map.append("kept");
    state.committed(0);
    state.setKey("another");
    expect(map.isEmpty()).toBe(true);
    state.setKey("k");
    expect(map.values()).toEqual(["kept"]);
  });

  it("count an entry once that was deleted, asked for and then brought back", () => {
    const state = new StepState(new MemoryStore(), keyCodec(undefined));
    const map = state.map("m", numberSubKey, valueCodec<string>());
    state.setKey("k");
    map.set(1, "kept");
    state.mark();
    map.delete(1);
    expect(map.get(1)).toBeUndefined();
    state.rollback();
    expect([map.get(1), map.size]).toEqual(["kept", 1]);
    state.seal(() => {});
    state.committed(0);
    state.evict(0);
    expect([map.cached, state.cachedBytes]).toEqual([0, 0]);
  });

  it("behave as plain Maps would, whatever is committed, taken back, evicted and reloaded in between", () => {
    const scope = { key: fc.constantFrom<string | number>("a", "b", 5, "5"), namespace: fc.integer({ min: 0, max: 2 }) };
    const change = fc.oneof(
      fc.record({ kind: fc.constant("set" as const), ...scope, sub: fc.integer({ min: -1, max: 2 }), value: fc.integer() }),
      fc.record({ kind: fc.constant("delete" as const), ...scope, sub: fc.integer({ min: -1, max: 2 }) }),
      fc.record({ kind: fc.constant("append" as const), ...scope, value: fc.integer() }),
      fc.record({ kind: fc.constant("clear" as const), ...scope }),
    );
    const command = fc.oneof(
      { weight: 6, arbitrary: change },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constantFrom("seal" as const, "committed" as const, "evict" as const, "reload" as const, "forget" as const),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("rolled back" as const), changes: fc.array(change, { maxLength: 6 }) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("look" as const), ...scope }) },
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 50, size: "medium" }), (commands) => {
        const store = new MemoryStore();
        const open = () => {
          const state = new StepState(store, keyCodec(undefined));
          state.useNamespaces(numberSubKey);
          return {
            state,
            map: state.map("m", numberSubKey, valueCodec<number>(), { namespaced: true }),
            latest: state.value("v", valueCodec<number>(), { namespaced: true }),
          };
        };
        let { state, map, latest } = open();
        const model = new Map<string, Map<number, number>>();
        const values = new Map<string, number>();
        const enter = (key: unknown, namespace: number): string => {
          state.setKey(key);
          state.setNamespace(namespace);
          const name = `${typeof key} ${String(key)} ${namespace}`;
          if (!model.has(name)) model.set(name, new Map());
          return name;
        };
        const commit = (): void => {
          if (!state.isSealed) state.seal(() => {});
          state.committed(0);
        };
        const forget = (): void => {
          if (state.isSealed) commit();
          commit();
          state.evict(0);
        };
        type Change = typeof change extends fc.Arbitrary<infer C> ? C : never;
        const apply = (c: Change, noted: boolean): void => {
          const name = enter(c.key, c.namespace);
          const expected = model.get(name)!;
          if (c.kind === "set") {
            map.set(c.sub, c.value);
            latest.set(c.value);
            if (noted) {
              expected.set(c.sub, c.value);
              values.set(name, c.value);
            }
          } else if (c.kind === "delete") {
            map.delete(c.sub);
            if (noted) expected.delete(c.sub);
          } else if (c.kind === "append") {
            const sub = map.append(c.value);
            if (noted) {
              expect(sub > Math.max(-1, ...expected.keys())).toBe(true);
              expected.set(sub, c.value);
            }
          } else {
            map.clear();
            latest.clear();
            if (noted) {
              expected.clear();
              values.delete(name);
            }
          }
        };
        const look = (key: unknown, namespace: number): void => {
          const name = enter(key, namespace);
          const expected = [...model.get(name)!].sort(([a], [b]) => a - b);
          expect(map.entries()).toEqual(expected);
          const walked: [number, number][] = [];
          map.forEach((value, sub) => {
            walked.push([sub, value]);
          });
          expect(walked.sort(([a], [b]) => a - b)).toEqual(expected);
          expect(map.size).toBe(expected.length);
          for (let sub = -1; sub <= 2; sub++) expect(map.get(sub)).toBe(model.get(name)!.get(sub));
          expect(latest.get()).toBe(values.get(name));
        };
        for (const c of commands) {
          switch (c.kind) {
            case "rolled back":
              state.mark();
              for (const each of c.changes) apply(each, false);
              state.rollback();
              break;
            case "look":
              look(c.key, c.namespace);
              break;
            case "seal":
              if (!state.isSealed) state.seal(() => {});
              break;
            case "committed":
              commit();
              break;
            case "evict":
              state.evict(800);
              break;
            case "forget":
              forget();
              break;
            case "reload":
              if (state.isSealed) commit();
              commit();
              ({ state, map, latest } = open());
              break;
            default:
              apply(c, true);
          }
        }
        const lookAtAll = (): void => {
          for (const key of ["a", "b", 5, "5"]) for (const namespace of [0, 1, 2]) look(key, namespace);
        };
        lookAtAll();
        const scopes = [...map.scopes()].map(({ key, namespace }) => `${typeof key} ${String(key)} ${String(namespace)}`);
        expect(scopes.sort()).toEqual(
          [...model]
            .filter(([, entries]) => entries.size > 0)
            .map(([name]) => name)
            .sort(),
        );
        expect(
          [...latest.all()].map(([key, value, namespace]) => `${typeof key} ${String(key)} ${String(namespace)}: ${value}`).sort(),
        ).toEqual([...values].map(([name, value]) => `${name}: ${value}`).sort());
        forget();
        lookAtAll();
        commit();
        expect(store.approximateEntries).toBe([...model.values()].reduce((n, entries) => n + entries.size, 0) + values.size);
        state.evict(0);
        expect([state.cachedBytes, map.cached, latest.cached, state.changedBytes, state.sealedBytes]).toEqual([0, 0, 0, 0, 0]);
      }),
      { numRuns: 200 },
    );
  });

  it("are read from the store again after an abort", () => {
    const state = new StepState(new MemoryStore(), keyCodec(undefined));
    state.useNamespaces(numberSubKey);
    const map = state.map("m", numberSubKey, valueCodec<string>(), { namespaced: true });
    state.setKey("k");
    state.setNamespace(1);
    map.set(0, "committed");
    state.seal(() => {});
    state.committed(0);
    map.set(1, "open");
    state.abort();
    expect(map.entries()).toEqual([[0, "committed"]]);
  });

  it("forget what came and went once it is committed", () => {
    const state = new StepState(new MemoryStore(), keyCodec(undefined));
    state.useNamespaces(numberSubKey);
    const map = state.map("m", numberSubKey, valueCodec<number>(), { namespaced: true });
    const value = state.value("v", valueCodec<number>(), { namespaced: true });
    const commit = (): void => {
      state.seal(() => {});
      state.committed(0);
    };
    for (const commits of [true, false]) {
      for (let namespace = 0; namespace < 100; namespace++) {
        state.setKey("a");
        state.setNamespace(namespace);
        map.set(1, 1);
        map.append(2);
        value.set(3);
      }
      if (commits) commit();
      for (let namespace = 0; namespace < 100; namespace++) {
        state.setKey("a");
        state.setNamespace(namespace);
        map.clear();
        value.clear();
      }
      commit();
      expect([map.cached, value.cached]).toEqual([0, 0]);
    }
  });
});
