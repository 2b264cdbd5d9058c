import { describe, expect, it } from "@jest/globals";
import { seededRandom } from "../../../core/time_source/mod.ts";

const draw = (seed: number, count: number): number[] => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => random.next());
};

describe("seeded random", () => {
  it("repeats itself for the same seed, and only for it", () => {
    expect(draw(7, 100)).toEqual(draw(7, 100));
    expect(draw(7, 3)).not.toEqual(draw(8, 3));
    expect(draw(2 ** 40 + 7, 3)).not.toEqual(draw(7, 3));
  });

  it("gives the same numbers in every runtime and version", () => {
    expect(draw(1, 3).map((number) => Math.floor(number * 2 ** 32))).toEqual([1_779_833_415, 2_026_416_846, 1_661_539_736]);
    expect(seededRandom(1).uuid()).toBe("78c8aace-6309-4a2a-bf7b-2a39073f2800");
  });

  it("spreads evenly over [0, 1)", () => {
    for (const seed of [0, 1, 2, 12_345]) {
      const tenths = new Array<number>(10).fill(0);
      const numbers = draw(seed, 20_000);
      expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
      for (const number of numbers) tenths[Math.floor(number * 10)]! += 1;
      for (const count of tenths) expect(Math.abs(count - 2_000)).toBeLessThan(250);
    }
  });

  it("makes identifiers in the form of version 4, all different", () => {
    const random = seededRandom(3);
    const made = Array.from({ length: 1_000 }, () => random.uuid());
    for (const uuid of made) expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(new Set(made).size).toBe(1_000);
  });
});
