import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { MemoryStore } from "../../../core/state/memory_store.ts";
import { type KeyCodec, StepState, type ValueCodec } from "../../../core/state/step_state.ts";
import { numberSubKey } from "../../../core/state/sub_key.ts";

const utf8 = { encoder: new TextEncoder(), decoder: new TextDecoder() };
const keys: KeyCodec = {
  encode: (key) => utf8.encoder.encode(String(key)),
  decode: (bytes) => utf8.decoder.decode(bytes),
  mapKey: (key) => String(key),
};
const numbers: ValueCodec<number> = {
  encode: (n) => utf8.encoder.encode(String(n)),
  decode: (bytes) => Number(utf8.decoder.decode(bytes)),
};

const texts: ValueCodec<string> = { encode: (text) => utf8.encoder.encode(text), decode: (bytes) => utf8.decoder.decode(bytes) };

const world = () => {
  const store = new MemoryStore();
  const state = new StepState(store, keys);
  const changelog: [string, string | null][] = [];
  const seal = () => state.seal((key, value) => changelog.push([String(key), value === null ? null : utf8.decoder.decode(value)]));
  const commit = () => {
    seal();
    state.committed(changelog.length);
  };
  return { store, state, changelog, seal, commit };
};

describe("step state", () => {
  it("writes the last value per key and commit, and nothing for what was made and deleted in between", () => {
    const { state, changelog, commit } = world();
    const n = state.value("n", numbers);
    state.setKey("a");
    n.set(1);
    n.set(2);
    state.setKey("b");
    n.set(7);
    n.clear();
    commit();
    expect(changelog.map(([, value]) => value)).toEqual(["2"]);
    state.setKey("a");
    n.clear();
    commit();
    expect(changelog.map(([, value]) => value)).toEqual(["2", null]);
  });

  it("shows open changes while the sealed ones wait for their commit, and drops both on abort", () => {
    const { store, state, seal } = world();
    const n = state.value("n", numbers);
    state.setKey("a");
    n.set(1);
    seal();
    n.set(2);
    expect(n.get()).toBe(2);
    expect(store.approximateEntries).toBe(0);
    state.committed(1);
    expect(store.approximateEntries).toBe(1);
    state.abort();
    expect(n.get()).toBe(1);
  });

  it("takes a record's changes back to its mark", () => {
    const { state, commit } = world();
    const n = state.value("n", numbers);
    const list = state.map("list", numberSubKey, numbers);
    const fired: number[] = [];
    const timers = state.timers("timers", (at) => fired.push(at));
    state.setKey("a");
    n.set(1);
    list.append(10);
    timers.set(5);
    commit();
    state.mark();
    n.set(2);
    list.append(11);
    list.delete(0);
    timers.delete(5);
    timers.set(6);
    state.rollback();
    expect([n.get(), list.values(), timers.next()]).toEqual([1, [10], 5]);
    timers.fireNext(100);
    expect(fired).toEqual([5]);
  });

  it("knows about how much memory its changes and its cache take, and lets go of no more than it must", () => {
    const { state, seal } = world();
    const n = state.value("n", texts);
    const list = state.map("list", numberSubKey, texts);
    const long = "x".repeat(10_000);
    for (let key = 0; key < 20; key++) {
      state.setKey(`${key}`);
      n.set(long);
      list.append(long);
    }
    const changed = state.changedBytes;
    expect(changed).toBeGreaterThan(400_000);
    expect(changed).toBeLessThan(450_000);
    expect(state.cachedBytes).toBe(0);
    seal();
    expect([state.changedBytes, state.sealedBytes, state.cachedBytes]).toEqual([0, changed, 0]);
    // What waits for its commit is nowhere else.
    state.evict(0);
    state.setKey("3");
    expect([n.get(), list.values()]).toEqual([long, [long]]);
    state.committed(1);
    expect(state.sealedBytes).toBe(0);
    expect(state.cachedBytes).toBeGreaterThan(400_000);
    n.set("short");
    state.evict(200_000);
    expect(state.cachedBytes).toBeLessThanOrEqual(200_000);
    expect(state.cachedBytes).toBeGreaterThan(150_000);
    expect(n.cached).toBeGreaterThan(5);
    state.evict(0);
    expect([state.cachedBytes, n.cached, list.cached]).toEqual([0, 1, 0]);
    expect([n.get(), list.values()]).toEqual(["short", [long]]);
  });

  it("says how much memory the state itself takes: store, timers, what is found by its order", () => {
    const { state, commit } = world();
    const n = state.value("n", texts);
    const empty = state.heldBytes;
    state.setKey("a");
    n.set("x".repeat(100_000));
    commit();
    const stored = state.heldBytes;
    expect(stored - empty).toBeGreaterThan(100_000);
    expect(stored - empty).toBeLessThan(110_000);
    const timers = state.timers("t", () => {});
    const ordered = state.ordered("o", numberSubKey, texts);
    for (let at = 0; at < 100; at++) {
      timers.set(at);
      ordered.set(at, "y".repeat(1000));
    }
    expect(state.heldBytes - stored).toBeGreaterThan(100_000);
    timers.fireNext(0);
    for (let at = 0; at < 100; at++) ordered.delete(at);
    expect(state.heldBytes - stored).toBeLessThan(20_000);
  });

  it("behaves as a plain Map would, whatever is committed, aborted, evicted and reloaded in between", () => {
    const command = fc.oneof(
      fc.record({
        kind: fc.constant("set" as const),
        key: fc.integer({ min: 0, max: 3 }),
        sub: fc.integer({ min: -3, max: 3 }),
        value: fc.integer(),
      }),
      fc.record({ kind: fc.constant("delete" as const), key: fc.integer({ min: 0, max: 3 }), sub: fc.integer({ min: -3, max: 3 }) }),
      fc.record({ kind: fc.constant("clear" as const), key: fc.integer({ min: 0, max: 3 }) }),
      fc.record({ kind: fc.constantFrom("seal" as const, "committed" as const, "abort" as const, "evict" as const, "reload" as const) }),
      fc.record({ kind: fc.constant("entries" as const), key: fc.integer({ min: 0, max: 3 }) }),
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        const store = new MemoryStore();
        let state = new StepState(store, keys);
        let table = state.map("m", numberSubKey, numbers);
        let timers = state.timers("t", () => {});
        const copy = (m: Map<string, number>) => new Map(m);
        let open = new Map<string, number>();
        let committed = new Map<string, number>();
        let sealed: Map<string, number> | undefined;
        const model = (key: number) =>
          [...open]
            .filter(([name]) => name.startsWith(`${key}/`))
            .map(([name, value]) => [Number(name.split("/")[1]), value])
            .sort((a, b) => a[0]! - b[0]!);
        for (const c of commands) {
          if ("key" in c) state.setKey(String(c.key));
          if (c.kind === "set") {
            table.set(c.sub, c.value);
            timers.set(c.sub);
            open.set(`${c.key}/${c.sub}`, c.value);
          } else if (c.kind === "delete") {
            table.delete(c.sub);
            timers.delete(c.sub);
            open.delete(`${c.key}/${c.sub}`);
          } else if (c.kind === "clear") {
            for (const [sub] of table.entries()) timers.delete(sub);
            table.clear();
            for (const [sub] of model(c.key)) open.delete(`${c.key}/${sub}`);
          } else if (c.kind === "seal" && sealed === undefined) {
            state.seal(() => {});
            sealed = copy(open);
          } else if (c.kind === "committed" && sealed !== undefined) {
            state.committed(0);
            committed = sealed;
            sealed = undefined;
          } else if (c.kind === "abort") {
            state.abort();
            open = copy(committed);
            sealed = undefined;
          } else if (c.kind === "evict") state.evict(1500);
          else if (c.kind === "reload" && sealed === undefined) {
            state.seal(() => {});
            state.committed(0);
            committed = copy(open);
            state = new StepState(store, keys);
            table = state.map("m", numberSubKey, numbers);
            timers = state.timers("t", () => {});
          } else if (c.kind === "entries") expect(table.entries().map(([s, v]) => [s, v])).toEqual(model(c.key));
          expect(timers.size).toBe(open.size);
          expect(timers.next()).toBe(Math.min(...[...open.keys()].map((name) => Number(name.split("/")[1]))));
        }
        // A bound is kept to at any moment, also with changes that are open or sealed.
        state.evict(600);
        expect(state.cachedBytes).toBeLessThanOrEqual(600);
        for (let key = 0; key <= 3; key++) {
          state.setKey(String(key));
          expect(table.entries().map(([s, v]) => [s, v])).toEqual(model(key));
          expect(table.isEmpty()).toBe(model(key).length === 0);
        }
        expect([...table.scopes()].map((s) => s.key).sort()).toEqual(
          [...new Set([...open.keys()].map((name) => name.split("/")[0]))].sort(),
        );
        state.abort();
        expect([state.cachedBytes, state.changedBytes, state.sealedBytes]).toEqual([0, 0, 0]);
      }),
      { numRuns: 500 },
    );
  });
});
