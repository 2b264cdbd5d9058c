import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { millis } from "../../../core/duration.ts";
import { timeHarness } from "../../../topology/testing/time_harness.ts";

describe("event time alone", () => {
  it("stands where the slowest split is; what is said periodically shows when it is asked for, or when another split speaks", () => {
    const time = timeHarness();
    for (const split of ["a", "b"]) time.register(split);
    time.split("a", { watermark: 20, emit: "periodically" });
    time.split("b", { watermark: 10, emit: "periodically" });
    expect(time.read()).toEqual([]);
    time.periodicEmit();
    expect(time.read()).toEqual([10]);
    time.split("b", { watermark: 15, emit: "periodically" });
    time.split("a", { watermark: 30 });
    expect(time.read()).toEqual([15]);
  });

  it("goes on without splits that are idle or gone, and waits for new ones", () => {
    const time = timeHarness();
    time.register("a");
    time.split("a", { watermark: 5 });
    time.register("b");
    time.split("a", { watermark: 8 });
    expect(time.read()).toEqual([5]);
    time.split("b", { idle: true });
    expect(time.read()).toEqual([8]);
    time.split("b", { idle: false });
    time.split("a", { watermark: 12 });
    expect(time.read()).toEqual([]);
    time.unregister("b");
    time.periodicEmit();
    expect(time.read()).toEqual([12]);
    time.split("a", { idle: true });
    time.split("a", { watermark: 13 });
    expect(time.read()).toEqual(["idle", "active", 13]);
  });

  it("says the largest watermark that was held back, and then that all are idle", () => {
    const time = timeHarness();
    for (const split of ["a", "b"]) time.register(split);
    time.split("a", { watermark: 20 });
    time.split("b", { watermark: 10 });
    time.split("a", { idle: true, emit: "periodically" });
    time.split("b", { idle: true, emit: "periodically" });
    expect(time.idle).toBe(false);
    expect(time.read()).toEqual([10]);
    time.periodicEmit();
    expect(time.idle).toBe(true);
    expect(time.read()).toEqual([20, "idle"]);
  });

  it("never falls, whatever splits say", () => {
    const split = fc.constantFrom("a", "b", "c");
    const signal = fc.oneof(
      fc.record({ watermark: fc.integer({ min: 0, max: 50 }), emit: fc.constantFrom("now" as const, "periodically" as const) }),
      fc.record({ idle: fc.boolean(), emit: fc.constantFrom("now" as const, "periodically" as const) }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(split, signal), { maxLength: 60 }), (said) => {
        const time = timeHarness();
        for (const name of ["a", "b", "c"]) time.register(name);
        for (const [name, what] of said) {
          time.split(name, what);
          time.periodicEmit();
        }
        const watermarks = time.read().filter((one) => typeof one === "number");
        expect(watermarks).toEqual([...new Set(watermarks)].sort((a, b) => a - b));
      }),
    );
  });

  it("lets readers be so far ahead of the slowest that has reported, and no further", () => {
    const time = timeHarness({ alignment: { maxDrift: millis(30) } });
    expect([time.slowest, time.maxAllowed]).toEqual([undefined, Number.POSITIVE_INFINITY]);
    time.report(0, 100);
    time.report(1, 40);
    expect([time.slowest, time.maxAllowed]).toEqual([40, 70]);
    time.report(1, 90);
    time.report(0, 80);
    expect([time.slowest, time.maxAllowed]).toEqual([80, 110]);
  });

  it("refuses splits that it does not know, or knows already", () => {
    const time = timeHarness();
    expect(() => time.split("a", { idle: true })).toThrow("There is no split 'a': register it first");
    time.register("a");
    expect(() => time.register("a")).toThrow("Split 'a' is registered already");
  });
});
