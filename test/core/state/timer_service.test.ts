import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { keyCodec } from "../../../core/state/codecs.ts";
import { MemoryStore } from "../../../core/state/memory_store.ts";
import { StepState } from "../../../core/state/step_state.ts";
import { numberSubKey } from "../../../core/state/sub_key.ts";

describe("timers of keys and namespaces", () => {
  it("fire once each, in the order of their times, whatever is set, deleted, committed, reloaded and fired in between", () => {
    const scope = {
      key: fc.constantFrom<string | number>("a", "b", 5, "5"),
      namespace: fc.integer({ min: 0, max: 2 }),
      at: fc.integer({ min: -2, max: 3 }),
    };
    const command = fc.oneof(
      { weight: 5, arbitrary: fc.record({ kind: fc.constant("set" as const), ...scope }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete" as const), ...scope }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constantFrom("seal" as const, "committed" as const, "reload" as const, "fire one" as const) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant("rolled back" as const),
          commands: fc.array(fc.record({ set: fc.boolean(), ...scope }), { maxLength: 6 }),
        }),
      },
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 50 }), (commands) => {
        const store = new MemoryStore();
        const fired: string[] = [];
        const name = (key: unknown, namespace: unknown, at: number): string => `${at} ${typeof key} ${String(key)} ${String(namespace)}`;
        const open = () => {
          const state = new StepState(store, keyCodec(undefined));
          state.useNamespaces(numberSubKey);
          return { state, timers: state.timers("t", (at) => fired.push(name(state.key, state.namespace, at)), { namespaced: true }) };
        };
        let { state, timers } = open();
        let model = new Set<string>();
        const earliest = (): number => Math.min(...[...model].map((each) => Number(each.split(" ")[0])));
        const commit = (): void => {
          if (!state.isSealed) state.seal(() => {});
          state.committed(0);
        };
        const apply = (set: boolean, key: unknown, namespace: number, at: number): void => {
          state.setKey(key);
          state.setNamespace(namespace);
          if (set) timers.set(at);
          else timers.delete(at);
        };
        for (const c of commands) {
          if (c.kind === "set" || c.kind === "delete") {
            apply(c.kind === "set", c.key, c.namespace, c.at);
            if (c.kind === "set") model.add(name(c.key, c.namespace, c.at));
            else model.delete(name(c.key, c.namespace, c.at));
          } else if (c.kind === "rolled back") {
            state.mark();
            for (const { set, key, namespace, at } of c.commands) apply(set, key, namespace, at);
            state.rollback();
          } else if (c.kind === "fire one") {
            const due = earliest();
            const some = model.size > 0;
            expect(timers.fireNext(Number.POSITIVE_INFINITY)).toBe(some);
            if (some) {
              expect(Number(fired.at(-1)!.split(" ")[0])).toBe(due);
              expect(model.delete(fired.at(-1)!)).toBe(true);
            }
          } else if (c.kind === "seal" && !state.isSealed) state.seal(() => {});
          else if (c.kind === "committed") commit();
          else if (c.kind === "reload") {
            if (state.isSealed) commit();
            commit();
            ({ state, timers } = open());
          }
          expect(timers.size).toBe(model.size);
        }
        fired.length = 0;
        while (timers.fireNext(Number.POSITIVE_INFINITY));
        expect([...fired].sort()).toEqual([...model].sort());
        expect(fired.map((each) => Number(each.split(" ")[0]))).toEqual(
          fired.map((each) => Number(each.split(" ")[0])).sort((a, b) => a - b),
        );
        model = new Set();
        if (state.isSealed) commit();
        commit();
        expect(store.approximateEntries).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  it("set while others of their time fire are fired in the same round", () => {
    const state = new StepState(new MemoryStore(), keyCodec(undefined));
    const fired: string[] = [];
    const timers = state.timers("t", (at) => {
      fired.push(`${String(state.key)} ${at}`);
      if (fired.length === 2)
        for (const key of ["a", "new"]) {
          state.setKey(key);
          timers.set(5);
        }
    });
    for (const key of ["a", "b", "c"]) {
      state.setKey(key);
      timers.set(5);
    }
    while (timers.fireNext(5));
    expect(fired).toEqual(["a 5", "b 5", "c 5", "a 5", "new 5"]);
  });

  it("for the end of the input fire at +Infinity and not before", () => {
    const state = new StepState(new MemoryStore(), keyCodec(undefined));
    const fired: number[] = [];
    const timers = state.timers("t", (at) => fired.push(at));
    state.setKey("a");
    timers.set(Number.POSITIVE_INFINITY);
    timers.set(3);
    while (timers.fireNext(Number.MAX_SAFE_INTEGER));
    expect(fired).toEqual([3]);
    expect(timers.next()).toBe(Number.POSITIVE_INFINITY);
    while (timers.fireNext(Number.POSITIVE_INFINITY));
    expect(fired).toEqual([3, Number.POSITIVE_INFINITY]);
    expect(timers.fireNext(Number.POSITIVE_INFINITY)).toBe(false);
  });
});
