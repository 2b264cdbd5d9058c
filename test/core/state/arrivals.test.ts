import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { Arrivals } from "../../../core/state/arrivals.ts";
import { keyCodec, valueCodec } from "../../../core/state/codecs.ts";
import { MemoryStore } from "../../../core/state/memory_store.ts";
import { StepState } from "../../../core/state/step_state.ts";

const key = fc.constantFrom("a", "b");
const timestamp = fc.integer({ min: 0, max: 3 });
const commands = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ what: fc.constant("add" as const), key, timestamp, told: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ what: fc.constant("take" as const), key, timestamp }) },
    fc.record({ what: fc.constant("commit" as const), forget: fc.boolean() }),
    fc.record({ what: fc.constant("failed add" as const), key, timestamp }),
  ),
  { maxLength: 40 },
);

describe("arrivals", () => {
  it("leave in the order in which they came, each timestamp of each key by itself, whatever is committed, forgotten and taken back meanwhile", () => {
    fc.assert(
      fc.property(commands, (all) => {
        const state = new StepState(new MemoryStore(), keyCodec(undefined));
        const arrivals = new Arrivals<number>(state, "waiting", valueCodec());
        const waiting = new Map<string, number[]>();
        const of = (key: string, timestamp: number): number[] => {
          const name = `${key}@${timestamp}`;
          return waiting.get(name) ?? waiting.set(name, []).get(name)!;
        };
        const commit = (): void => {
          state.seal(() => {});
          state.committed(0);
        };
        for (const [n, command] of all.entries()) {
          if (command.what === "commit") {
            commit();
            // What was touched since the last round gets a second one.
            if (command.forget) for (let round = 0; round < 2; round++) state.evict(0);
            continue;
          }
          const expected = of(command.key, command.timestamp);
          state.setKey(command.key);
          if (command.what === "failed add") {
            state.mark();
            arrivals.add(command.timestamp, n, expected.length === 0);
            state.rollback();
          } else if (command.what === "add") {
            arrivals.add(command.timestamp, n, command.told && expected.length === 0);
            expected.push(n);
          } else expect(arrivals.take(command.timestamp)).toEqual(expected.splice(0));
          const times = [0, 1, 2, 3].filter((one) => of(command.key, one).length > 0);
          expect([0, 1, 2, 3].filter((one) => arrivals.has(one))).toEqual(times);
          expect([arrivals.isEmpty(), arrivals.earliest()]).toEqual([times.length === 0, times[0]]);
        }
      }),
    );
  });

  it("do not ask the store where the timer says that nothing waits", () => {
    const store = new MemoryStore();
    let asked = 0;
    const counting = new Proxy(store, {
      get: (target, name) => {
        if (name === "get" || name === "range") asked++;
        const member: unknown = Reflect.get(target, name, target);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
    const state = new StepState(counting, keyCodec(undefined));
    const arrivals = new Arrivals<number>(state, "waiting", valueCodec());
    state.setKey("a");
    arrivals.add(1, 10, true);
    expect(arrivals.take(1)).toEqual([10]);
    expect(asked).toBe(0);
  });
});
