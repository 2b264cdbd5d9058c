import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { millis } from "../../../core/duration.ts";
import type { OperatorContext } from "../../../core/operators/operator.ts";
import { json } from "../../../core/serde/json.ts";
import { average, sum } from "../../../core/state/aggregator.ts";
import { keyCodec } from "../../../core/state/codecs.ts";
import {
  broadcastState,
  type Descriptors,
  foldingState,
  listState,
  mapState,
  type Opened,
  openBroadcast,
  openState,
  operatorState,
  type Ttl,
  valueState,
} from "../../../core/state/descriptors.ts";
import { MemoryStore } from "../../../core/state/memory_store.ts";
import { StepState } from "../../../core/state/step_state.ts";
import { numberSubKey } from "../../../core/state/sub_key.ts";

/** A store with handles over it, and clocks that stand where they are put. */
const world = <S extends Descriptors>(
  spec: S,
  options: { readonly namespaced?: boolean; readonly keys?: ReturnType<typeof keyCodec> } = {},
) => {
  const store = new MemoryStore();
  const clocks = { processing: 0, watermark: Number.NEGATIVE_INFINITY, stream: Number.NEGATIVE_INFINITY };
  const made = {
    store,
    clocks,
    written: 0,
    state: undefined as unknown as StepState,
    handles: undefined as unknown as Opened<S>,
    open: () => {
      made.state = new StepState(store, options.keys ?? keyCodec(undefined));
      if (options.namespaced) made.state.useNamespaces(numberSubKey);
      const context = {
        state: made.state,
        step: "step",
        processingTime: () => clocks.processing,
        watermark: () => clocks.watermark,
        streamTime: () => clocks.stream,
      } as unknown as OperatorContext;
      made.handles = openState(spec, context, {
        prefix: "u:",
        ...(options.namespaced === undefined ? {} : { namespaced: options.namespaced }),
      });
    },
    commit: () => {
      made.state.seal(() => {
        made.written++;
      });
      made.state.committed(0);
    },
  };
  made.open();
  return made;
};

const everyKind = (ttl?: Ttl) => {
  const options = ttl === undefined ? {} : { ttl };
  return {
    value: valueState<number>(options),
    counted: valueState({ ...options, initial: 100 }),
    list: listState<number>(options),
    map: mapState<string | number | boolean, number>(options),
    fold: foldingState(
      average<number>((n) => n),
      options,
    ),
  };
};

describe("state descriptors", () => {
  it("give handles that behave as plain values, arrays and Maps, whatever is committed, aborted, evicted and reopened in between", () => {
    const n = fc.integer({ min: -5, max: 5 });
    const sub = fc.constantFrom<string | number | boolean>("", "1", "b", "é", 1, -1.5, 0, true);
    const command = fc.oneof(
      fc.record({ do: fc.constantFrom("value", "counted", "add", "fold"), n }),
      fc.record({ do: fc.constant("setList"), all: fc.array(n, { maxLength: 4 }) }),
      fc.record({ do: fc.constantFrom("put", "delete"), sub, n }),
      fc.record({ do: fc.constantFrom("clearValue", "clearList", "clearMap", "clearFold") }),
      fc.record({ do: fc.constantFrom("commit", "abort", "evict", "reopen") }),
    );
    interface Model {
      value: number | undefined;
      counted: number;
      list: number[];
      map: Map<string | number | boolean, number>;
      fold: number[];
    }
    const fresh = (): Model => ({ value: undefined, counted: 100, list: [], map: new Map(), fold: [] });
    const copy = (models: readonly Model[]): Model[] =>
      models.map((m) => ({ ...m, list: [...m.list], map: new Map(m.map), fold: [...m.fold] }));
    // A ttl that nothing lives to see changes nothing.
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.boolean(),
        fc.array(fc.tuple(fc.nat({ max: 2 }), command), { maxLength: 60 }),
        (namespaced, expiring, commands) => {
          const w = world(everyKind(expiring ? { after: millis(1), refreshOn: "read-and-write" } : undefined), { namespaced });
          let models = [fresh(), fresh(), fresh()];
          let committed = copy(models);
          // With namespaces, the third is the first key in another one.
          const go = (which: number) => {
            w.state.setKey(namespaced && which === 2 ? 0 : which);
            if (namespaced) w.state.setNamespace(which === 2 ? 7 : 0);
          };
          for (const [which, c] of commands as readonly (readonly [number, any])[]) {
            const m = models[which]!;
            go(which);
            const { value, counted, list, map, fold } = w.handles;
            if (c.do === "value") value.set((m.value = c.n));
            else if (c.do === "counted") expect(counted.update((before) => before + c.n)).toBe((m.counted += c.n));
            else if (c.do === "add") {
              list.add(c.n, c.n + 1);
              m.list.push(c.n, c.n + 1);
            } else if (c.do === "fold") {
              fold.add(c.n);
              m.fold.push(c.n);
            } else if (c.do === "setList") {
              list.set(c.all);
              m.list = [...c.all];
            } else if (c.do === "put") {
              map.set(c.sub, c.n);
              m.map.set(c.sub, c.n);
            } else if (c.do === "delete") {
              map.delete(c.sub);
              m.map.delete(c.sub);
            } else if (c.do === "clearValue") {
              value.clear();
              counted.clear();
              m.value = undefined;
              m.counted = 100;
            } else if (c.do === "clearList") {
              list.clear();
              m.list = [];
            } else if (c.do === "clearMap") {
              map.clear();
              m.map.clear();
            } else if (c.do === "clearFold") {
              fold.clear();
              m.fold = [];
            } else if (c.do === "commit") {
              w.commit();
              committed = copy(models);
            } else if (c.do === "abort") {
              w.state.abort();
              models = copy(committed);
            } else if (c.do === "evict") w.state.evict(800);
            else {
              w.open();
              models = copy(committed);
            }
            for (const [seen, model] of models.entries()) {
              go(seen);
              const { value, counted, list, map, fold } = w.handles;
              expect([value.get(), counted.get(), list.get()]).toEqual([model.value, model.counted, model.list]);
              expect(fold.get()).toBe(model.fold.length === 0 ? undefined : model.fold.reduce((a, b) => a + b, 0) / model.fold.length);
              expect(new Map(map)).toEqual(model.map);
              expect([map.isEmpty(), map.has("b"), map.get(1)]).toEqual([model.map.size === 0, model.map.has("b"), model.map.get(1)]);
              expect([[...map.keys()].length, [...map.values()].sort()]).toEqual([model.map.size, [...model.map.values()].sort()]);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  it("give the entries of a map in the order of their keys, however they came in", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: -1000, max: 1000 }), { minLength: 1 }), (keys) => {
        const w = world({ map: mapState<number, boolean>() });
        w.state.setKey("k");
        keys.forEach((key, i) => {
          w.handles.map.set(key, true);
          if (i === keys.length >> 1) {
            w.commit();
            w.open();
            w.state.setKey("k");
          }
        });
        expect([...w.handles.map.keys()]).toEqual([...keys].sort((a, b) => a - b));
      }),
    );
  });

  it("keep bigint keys of a map apart from numbers, and give them back as they were", () => {
    const w = world({ map: mapState<bigint | number, string>() });
    w.state.setKey("k");
    w.handles.map.set(5n, "bigint");
    w.handles.map.set(5, "number");
    w.commit();
    w.open();
    w.state.setKey("k");
    expect([w.handles.map.get(5n), w.handles.map.get(5), [...w.handles.map.keys()].includes(5n)]).toEqual(["bigint", "number", true]);
    expect(() => w.handles.map.get(Number.NaN)).toThrow("NaN cannot be the key of a map");
  });

  it("write one entry for one element, and no more for a list that is set anew than it has elements", () => {
    const w = world({ list: listState<number>() });
    w.state.setKey("k");
    w.handles.list.add(1, 2, 3);
    w.commit();
    w.handles.list.add(4);
    w.commit();
    expect(w.written).toBe(4);
    w.handles.list.set([5, 6, 7, 8]);
    w.commit();
    expect([w.written, w.store.approximateEntries]).toEqual([8, 4]);
  });

  it("refuse undefined where it would look like nothing", () => {
    const w = world({ list: listState<unknown>(), map: mapState<string, unknown>(), value: valueState<unknown>({ initial: 1 }) });
    w.state.setKey("k");
    expect(() => w.handles.list.add(undefined)).toThrow("List state 'list' cannot hold undefined: use null");
    expect(() => w.handles.map.set("x", undefined)).toThrow("Map state 'map' cannot hold undefined: use null, or delete the entry");
    w.handles.list.add(null);
    w.handles.value.set(2);
    w.handles.value.set(undefined);
    expect([w.handles.list.get(), w.handles.value.get()]).toEqual([[null], 1]);
  });

  it("keep the state of a task under no key, whatever the keys are, and come back to the current one", () => {
    const w = world(
      { all: operatorState<string>({ restore: "union" }), value: valueState<number>() },
      { keys: keyCodec(json<{ id: number }>()) },
    );
    w.state.setKey({ id: 1 });
    w.handles.value.set(1);
    w.handles.all.set(
      (function* () {
        yield `at ${w.handles.value.get()}`;
      })(),
    );
    w.state.setKey({ id: 2 });
    w.handles.all.add("at 2");
    w.handles.value.set(2);
    w.commit();
    w.open();
    w.state.setKey({ id: 1 });
    expect([w.handles.all.get(), w.handles.value.get()]).toEqual([["at 1", "at 2"], 1]);
    w.handles.all.clear();
    w.commit();
    expect(w.store.approximateEntries).toBe(2);
  });

  it("give a broadcast one map per task, and a view of it that only reads", () => {
    const w = world({});
    const { readable, writable } = openBroadcast(
      { rules: broadcastState<string, number>() },
      { state: w.state, step: "step" } as unknown as OperatorContext,
      { prefix: "b:" },
    );
    w.state.setKey("a");
    writable.rules.set("x", 1);
    w.state.setKey("b");
    expect([
      readable.rules.get("x"),
      readable.rules.has("y"),
      readable.rules.isEmpty(),
      [...readable.rules],
      [...readable.rules.keys()],
      [...readable.rules.values()],
    ]).toEqual([1, false, false, [["x", 1]], ["x"], [1]]);
    expect(Object.keys(readable.rules)).not.toContain("set");
    expect(w.state.key).toBe("b");
  });
});

describe("state with a ttl", () => {
  it("by the wall clock expires at the very millisecond, and is found by none of the handles", () => {
    const w = world(everyKind({ after: millis(100) }));
    w.state.setKey("k");
    const { value, counted, list, map, fold } = w.handles;
    const fill = () => {
      value.set(1);
      counted.set(1);
      list.add(1);
      map.set("x", 1);
      fold.add(1);
    };
    const seen = () => [value.get(), counted.get(), list.get(), map.get("x"), [...map], fold.get()];
    fill();
    w.clocks.processing = 99;
    expect(seen()).toEqual([1, 1, [1], 1, [["x", 1]], 1]);
    w.clocks.processing = 100;
    expect(seen()).toEqual([undefined, 100, [], undefined, [], undefined]);
    fill();
    fold.add(3);
    expect(fold.get()).toBe(2);
    w.commit();
    w.open();
    w.state.setKey("k");
    w.clocks.processing = 199;
    expect(w.handles.fold.get()).toBe(2);
  });

  it("in event time counts from the largest timestamp seen, and expires when the watermark comes to it", () => {
    const w = world({ value: valueState<number>({ ttl: { after: millis(100), clock: "event" } }) });
    w.state.setKey("k");
    w.clocks.processing = 1e12;
    w.clocks.stream = 1000;
    w.handles.value.set(1);
    expect(w.handles.value.get()).toBe(1);
    w.clocks.watermark = 1099;
    w.clocks.stream = 5000;
    expect(w.handles.value.get()).toBe(1);
    w.clocks.watermark = 1100;
    expect(w.handles.value.get()).toBeUndefined();
  });

  it("is removed by commits, even if nobody asks for it again, also from windows' state", () => {
    for (const namespaced of [false, true]) {
      const w = world(everyKind({ after: millis(300) }), { namespaced });
      let most = 0;
      for (let i = 0; i < 1500; i++) {
        w.clocks.processing = i;
        w.state.setKey(`key ${i}`);
        if (namespaced) w.state.setNamespace(i % 7);
        w.handles.value.set(i);
        w.handles.list.add(i, i);
        w.handles.map.set("x", i);
        w.handles.fold.add(i);
        if (i % 100 === 99) {
          w.commit();
          w.state.evict(50_000);
          most = Math.max(most, w.store.approximateEntries);
        }
      }
      // Three hundred keys with five entries each are alive at a time; of what has expired there can be no more than comes in during a round.
      expect(most).toBeLessThan(5 * 2 * 400);
      w.clocks.processing = 1e6;
      for (let i = 0; i < 200; i++) {
        w.state.cleanUp();
        w.commit();
      }
      expect(w.store.approximateEntries).toBe(0);
    }
  });

  it("is not removed by a commit when a newer value is not committed yet", () => {
    const w = world(everyKind({ after: millis(10) }));
    w.state.setKey("k");
    const fill = () => {
      w.handles.value.set(1);
      w.handles.list.set([1]);
      w.handles.map.set("x", 1);
      w.handles.fold.add(1);
    };
    fill();
    w.commit();
    w.clocks.processing = 20;
    fill();
    w.commit();
    w.open();
    w.state.setKey("k");
    expect([w.handles.value.get(), w.handles.list.get(), w.handles.map.get("x"), w.handles.fold.get()]).toEqual([1, [1], 1, 1]);
  });

  it("refuses a time that is none", () => {
    expect(() => world({ v: valueState({ ttl: { after: millis(0) } }) })).toThrow(
      "The ttl of state 'v' is 0: give a duration above zero, such as hours(1)",
    );
    expect(() =>
      world({
        v: foldingState(
          sum<number>((n) => n),
          { ttl: { after: millis(Number.NaN) } },
        ),
      }),
    ).toThrow("The ttl of state 'v' is NaN");
  });
});
