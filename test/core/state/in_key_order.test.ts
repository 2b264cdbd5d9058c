import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { rowsInOrder, rowWriter } from "../../../core/operators/table_rows.ts";
import type { Store } from "../../../core/ports/store.ts";
import { keyCodec } from "../../../core/state/codecs.ts";
import { MemoryStore } from "../../../core/state/memory_store.ts";
import { StepState } from "../../../core/state/step_state.ts";
import { compareBytes } from "../../../core/state/time_key.ts";

const keys = keyCodec(undefined);
const storeOf = (all: readonly string[]): MemoryStore => {
  const store = new MemoryStore();
  const write = rowWriter<string>(keys);
  const foreign = { key: new TextEncoder().encode("t:rowsandmore"), value: new Uint8Array(1) };
  store.write([...all.map((key) => write(key, 7, key)), foreign], { changelogOffset: 1 });
  return store;
};

describe("rows in the order of their keys", () => {
  it("are those from a key on, whatever lengths keys have, and none twice", () => {
    // Lengths of more than 127 bytes take two bytes to write, which are in another order than the lengths.
    const key = fc.oneof(fc.string({ maxLength: 4 }), fc.string({ minLength: 100, maxLength: 300 }), fc.constantFrom("a", "ab", "b", ""));
    fc.assert(
      fc.property(fc.uniqueArray(key, { maxLength: 30 }), fc.option(key, { nil: undefined }), (all, from) => {
        const first = from === undefined ? undefined : keys.encode(from).slice();
        const wanted = all
          .map((one) => ({ one, bytes: keys.encode(one).slice() }))
          .filter(({ bytes }) => first === undefined || compareBytes(bytes, first) >= 0)
          .sort((a, b) => compareBytes(a.bytes, b.bytes))
          .map(({ one }) => one);
        const found = [...rowsInOrder<string>(new StepState(storeOf(all), keys), first)];
        expect(found.map(([, one, { value, at }]) => [one, value, at])).toEqual(wanted.map((one) => [one, one, 7]));
      }),
    );
  });

  it("cost no more than what is read of them", () => {
    const store = storeOf(Array.from({ length: 1000 }, (_, i) => `k${i}`));
    let read = 0;
    const counting: Pick<Store, "range"> = {
      *range(from, to) {
        for (const entry of store.range(from, to)) {
          read++;
          yield entry;
        }
      },
    };
    const rows = rowsInOrder<string>({ base: counting, keys } as unknown as StepState, keys.encode("k500").slice());
    const found = Array.from({ length: 10 }, () => rows.next().value![1]);
    expect(found[0]).toBe("k500");
    expect(read).toBeLessThan(30);
  });
});
