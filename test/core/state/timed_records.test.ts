import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { keyCodec, valueCodec } from "../../../core/state/codecs.ts";
import { MemoryStore } from "../../../core/state/memory_store.ts";
import { StepState } from "../../../core/state/step_state.ts";
import type { Side } from "../../../core/state/timed_records.ts";

interface Kept {
  readonly key: string | number;
  readonly side: Side;
  readonly at: number;
  readonly value: string;
  waits: boolean;
}

const values = valueCodec<string>();

/** As an operator keeps them whose time stands at `time`. */
const opened = (store: MemoryStore, keptMs: readonly [number, number], time: { now: number }) => {
  const state = new StepState(store, keyCodec(undefined));
  const overAt = (side: Side): number => (keptMs[side] === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : time.now - keptMs[side]);
  return { state, overAt, records: state.timedRecords<string>("r", { codecs: [values, values], keptMs, overAt }) };
};

const sides = [0, 1] as const;
const keys = ["a", "b", 5, "5"] as const;
const changelogOf = () => {
  const written = new Map<string, "written" | "deleted">();
  return {
    written,
    append: (key: Uint8Array, value: Uint8Array | null): void => {
      const name = key.join();
      expect(written.get(name)).toBe(value === null ? "written" : undefined);
      written.set(name, value === null ? "deleted" : "written");
    },
  };
};

describe("records that are kept by time", () => {
  it("are found until they are over, in the order of time and arrival, over every commit, restart and rollback; each block is written once and deleted once", () => {
    const added = fc.record({
      key: fc.constantFrom(...keys),
      side: fc.constantFrom(...sides),
      at: fc.integer({ min: -8000, max: 8000 }).map((at) => at - (at % 500)),
      long: fc.integer({ min: 0, max: 9 }),
    });
    const command = fc.oneof(
      { weight: 8, arbitrary: fc.record({ kind: fc.constant("add" as const), of: added }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("time" as const), by: fc.constantFrom(0, 500, 1500, 4000) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("commit" as const, "seal" as const, "restart" as const) }) },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant("failed" as const),
          by: fc.constantFrom(0, 1000),
          adds: fc.array(added, { maxLength: 4 }),
        }),
      },
    );
    const kept = fc.constantFrom<readonly [number, number]>([0, 0], [3000, 0], [500, 20_000], [Number.POSITIVE_INFINITY, 1000]);
    fc.assert(
      fc.property(kept, fc.array(command, { maxLength: 60 }), (keptMs, commands) => {
        const store = new MemoryStore();
        const time = { now: -6000 };
        const changelog = changelogOf();
        let { state, overAt, records } = opened(store, keptMs, time);
        let model: Kept[] = [];
        let committed: readonly Kept[] = [];
        let sealed: readonly Kept[] = [];
        let number = 0;
        const add = ({ key, side, at, long }: { key: string | number; side: Side; at: number; long: number }): void => {
          // Some are so long that a segment needs several blocks.
          const value = `${number++}${"x".repeat(long === 0 ? 9000 : long)}`;
          state.setKey(key);
          records.add(side, at, value);
          model.push({ key, side, at, value, waits: at <= overAt(side) });
        };
        const isThere = ({ side, at, waits }: Kept): boolean => at > overAt(side) || waits;
        const passed = (): void => {
          records.timePassed();
          for (const one of model) one.waits = false;
        };
        const copy = (of: readonly Kept[]): Kept[] => of.filter(isThere).map((one) => ({ ...one }));
        const seal = (): void => {
          state.seal(changelog.append);
          sealed = copy(model);
        };
        const commit = (): void => {
          if (!state.isSealed) seal();
          state.committed(0);
          committed = sealed;
        };
        const check = (): void => {
          for (const key of keys)
            for (const side of sides)
              for (const [from, to] of [
                [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
                [-1500, 1500],
              ] as const) {
                state.setKey(key);
                const wanted = model.filter(
                  (one) => one.key === key && one.side === side && isThere(one) && one.at >= from && one.at <= to,
                );
                const found = records.between(side, from, to).map(({ timestamp, value }) => [timestamp, value]);
                expect(found).toEqual(wanted.toSorted((one, other) => one.at - other.at).map(({ at, value }) => [at, value]));
              }
          expect(records.isWaiting).toBe(model.some((one) => isThere(one) && (one.waits || keptMs[one.side] !== Number.POSITIVE_INFINITY)));
        };
        for (const one of commands) {
          if (one.kind === "add") add(one.of);
          else if (one.kind === "time") {
            time.now += one.by;
            passed();
          } else if (one.kind === "commit") commit();
          else if (one.kind === "seal" && !state.isSealed) seal();
          else if (one.kind === "restart") {
            if (state.isSealed) commit();
            ({ state, overAt, records } = opened(store, keptMs, time));
            model = copy(committed);
            // What is opened again hears first what time it is.
            passed();
          } else if (one.kind === "failed") {
            const before = { model: copy(model), now: time.now };
            state.mark();
            time.now += one.by;
            for (const each of one.adds) add(each);
            check();
            state.rollback();
            time.now = before.now;
            model = before.model;
          }
          check();
        }
        commit();
        time.now = Number.POSITIVE_INFINITY;
        passed();
        commit();
        const stay = model.filter(isThere);
        expect(stay.every(({ side }) => keptMs[side] === Number.POSITIVE_INFINITY)).toBe(true);
        if (stay.length > 0) return;
        expect([store.approximateEntries, records.heldBytes, records.changed]).toEqual([0, 0, 0]);
        expect([...changelog.written.values()].every((state) => state === "deleted")).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it("of which one is large stand apart from it in the changelog, so that it may be as large there as if it were alone", () => {
    const { state, records } = opened(new MemoryStore(), [500, 500], { now: 0 });
    for (const [key, length] of [
      ["a", 5],
      ["b", 100_000],
      ["c", 5],
      ["d", 16_000],
      ["e", 500],
    ] as const) {
      state.setKey(key);
      records.add(0, 1000, "x".repeat(length));
    }
    const lengths: number[] = [];
    state.seal((_, value) => lengths.push(value!.length));
    expect(lengths.map((length) => Math.round(length / 1000))).toEqual([0, 100, 16, 1]);
    // Key, side, timestamp, and what says how long the value is.
    expect(lengths[1]! - 100_000).toBeLessThan(30);
  });

  it("go when they are over also where they are kept for longer, or not as long, as when they came", () => {
    const before = [3000, 500] as const;
    for (const after of [
      [200_000, 90_000],
      [100, 0],
    ] as const) {
      const store = new MemoryStore();
      const time = { now: 1_700_000_000_000 };
      let { state, records } = opened(store, before, time);
      const commit = (): void => {
        state.seal(() => {});
        state.committed(0);
      };
      const add = (side: Side): void => {
        state.setKey("a");
        records.add(side, time.now + 10, "value");
      };
      add(0);
      add(1);
      commit();
      ({ state, records } = opened(store, after, time));
      add(0);
      commit();
      time.now += 250_000;
      records.timePassed();
      commit();
      expect([store.approximateEntries, records.heldBytes]).toEqual([0, 0]);
    }
  });

  it("that come between two commits make one entry of all keys and both sides, and records that are over before it make none", () => {
    const store = new MemoryStore();
    const time = { now: 0 };
    const { state, records } = opened(store, [500, 500], time);
    const commit = (): void => {
      state.seal(() => {});
      state.committed(0);
    };
    for (let i = 0; i < 100; i++) {
      state.setKey(`k${i}`);
      records.add((i % 2) as Side, 1000 + i, "value");
    }
    commit();
    expect(store.approximateEntries).toBe(1);
    state.setKey("k1");
    records.add(0, 1700, "value");
    time.now = 2200;
    records.timePassed();
    expect(records.isWaiting).toBe(false);
    commit();
    expect([store.approximateEntries, records.heldBytes]).toEqual([0, 0]);
  });
});
