import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { compareEventIds, type EventId, eventIdSubKey } from "../../../core/cep/event_id.ts";
import { numberList } from "../../../core/cep/number_list.ts";
import { type Run, type Runs, runsCodec } from "../../../core/cep/runs.ts";
import { StoreError } from "../../../core/errors.ts";

const numbers = fc.oneof(
  fc.nat(),
  fc.maxSafeNat(),
  fc.double({ noNaN: true }),
  fc.constantFrom(0, 127, 128, 2 ** 52 - 1, 2 ** 52, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1),
);
const ids: fc.Arbitrary<EventId> = fc.tuple(
  fc.oneof(fc.integer({ min: -5, max: 5 }), fc.double({ noNaN: true })).map((time) => time + 0),
  fc.nat(300),
);
const run: fc.Arbitrary<Run> = fc
  .record({
    state: fc.nat(50),
    version: fc.array(fc.nat(1000), { minLength: 1, maxLength: 6 }),
    taken: fc.option(fc.tuple(fc.nat(9), ids, ids), { nil: undefined }),
  })
  .map(({ state, version, taken }) => ({ state, version, at: taken && { step: taken[0], id: taken[1] }, start: taken?.[2] }));

describe("partial matches in the store", () => {
  it("are lists of numbers that come back as they were", () => {
    fc.assert(fc.property(fc.array(numbers.map((n) => n + 0)), (list) => expect(numberList.decode(numberList.encode(list))).toEqual(list)));
    expect(numberList.encode([0, 1, 63, 1_700_000_000_000]).length).toBe(3 + 6);
  });

  it("come back as they were", () => {
    fc.assert(
      fc.property(fc.array(run), fc.array(run), fc.option(ids, { nil: undefined }), (open, complete, last) => {
        const runs: Runs = {
          open,
          complete: complete.flatMap((one) =>
            one.at === undefined || one.start === undefined ? [] : [{ ...one, at: one.at, start: one.start }],
          ),
          last,
        };
        expect(runsCodec.decode(runsCodec.encode(runs))).toEqual(runs);
      }),
    );
  });

  it("are refused when they end too early or have another format", () => {
    const bytes = runsCodec.encode({ open: [], complete: [], last: [1_700_000_000_000, 3] });
    expect(() => runsCodec.decode(bytes.subarray(0, bytes.length - 2))).toThrow(StoreError);
    expect(() => numberList.decode(Uint8Array.of(1, 0, 0))).toThrow("end too early");
    expect(() => runsCodec.decode(numberList.encode([7, 0]))).toThrow("format 7");
  });
});

describe("event ids", () => {
  it("come back as they were, and their bytes have their order", () => {
    const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
      for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
      return a.length - b.length;
    };
    fc.assert(
      fc.property(ids, ids, (a, b) => {
        expect(eventIdSubKey.decode(eventIdSubKey.encode(a))).toEqual(a);
        expect(Math.sign(compareBytes(eventIdSubKey.encode(a), eventIdSubKey.encode(b)))).toBe(Math.sign(compareEventIds(a, b)) || 0);
        expect(eventIdSubKey.mapKey(a) === eventIdSubKey.mapKey(b)).toBe(compareEventIds(a, b) === 0);
      }),
    );
  });
});
