import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { sleep } from "../../../core/ports/clock.ts";
import { VirtualClock } from "../../../core/time_source/mod.ts";

const manyAwaits = async (count: number): Promise<number> => {
  for (let i = 0; i < count; i++) await undefined;
  return count;
};

describe("virtual clock", () => {
  it("fires timers in the order of their moments, those of one moment as they were set", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ delay: fc.nat(50), cancelled: fc.boolean() }), { maxLength: 200 }), async (timers) => {
        const clock = new VirtualClock();
        const fired: string[] = [];
        const set = timers.map(({ delay }, i) => clock.after(delay, () => fired.push(`${clock.monotonic()} ${delay} ${i}`)));
        timers.forEach(({ cancelled }, i) => {
          if (cancelled) set[i]?.cancel();
        });
        await clock.advance(100);
        const expected = timers
          .map(({ delay, cancelled }, i) => ({ delay, cancelled, i }))
          .filter((timer) => !timer.cancelled)
          .sort((a, b) => a.delay - b.delay || a.i - b.i)
          .map(({ delay, i }) => `${delay} ${delay} ${i}`);
        expect(fired).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it("stops exactly where it was sent, and fires what is due there", async () => {
    const clock = new VirtualClock({ startMs: 5_000 });
    const fired: number[] = [];
    for (const delay of [10, 20, 21]) clock.after(delay, () => fired.push(delay));
    await clock.advance(20);
    expect([fired, clock.monotonic(), clock.now(), clock.nextDueMs]).toEqual([[10, 20], 20, 5_020, 21]);
    await clock.advance(0.5);
    expect(fired).toEqual([10, 20]);
    await clock.advance(0.5);
    expect([fired, clock.nextDueMs]).toEqual([[10, 20, 21], undefined]);
  });

  it("lets all that can run run to its end before time goes on, however many awaits that takes", async () => {
    const clock = new VirtualClock();
    const seen: number[] = [];
    clock.after(1, () => {
      void manyAwaits(20_000).then(() => seen.push(clock.monotonic()));
    });
    clock.after(2, () => seen.push(clock.monotonic()));
    await clock.advance(10);
    expect(seen).toEqual([1, 2]);
  });

  it("fires timers that a timer sets, in the same advance when they are due", async () => {
    const clock = new VirtualClock();
    const beats: number[] = [];
    const beat = (): void => {
      beats.push(clock.monotonic());
      clock.after(100, beat);
    };
    clock.after(100, beat);
    await clock.advance(450);
    expect(beats).toEqual([100, 200, 300, 400]);
  });

  it("completes a promise that waits for time", async () => {
    const clock = new VirtualClock();
    const work = async (): Promise<string> => {
      for (let i = 0; i < 10; i++) await sleep(clock, 1_000);
      return "done";
    };
    expect(await clock.complete(work())).toBe("done");
    expect(clock.monotonic()).toBe(10_000);
  });

  it("passes on how the promise was rejected", async () => {
    const clock = new VirtualClock();
    const work = sleep(clock, 5).then(() => {
      throw new RangeError("out of it");
    });
    await expect(clock.complete(work)).rejects.toThrow(new RangeError("out of it"));
  });

  it("says so when a promise waits for what never comes", async () => {
    const clock = new VirtualClock();
    clock.after(7, () => {});
    await expect(clock.complete(new Promise(() => {}))).rejects.toThrow("Nothing is due any more after 7 ms of virtual time");
    const beat = (): void => void clock.after(10, beat);
    beat();
    await expect(clock.complete(new Promise(() => {}), 1_000)).rejects.toThrow("still pending after 1000 ms of virtual time");
  });

  it("never fires what is due never, and takes a delay that is no number for none", async () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    clock.after(Number.POSITIVE_INFINITY, () => fired.push("never"));
    clock.after(Number.NaN, () => fired.push("at once"));
    clock.after(-5, () => fired.push("at once too"));
    await clock.advance(10);
    expect(await clock.runUntil(() => fired.length === 3)).toBe(false);
    expect([fired, clock.monotonic()]).toEqual([["at once", "at once too"], 10]);
  });

  it("keeps monotonic time when the wall clock jumps", async () => {
    const clock = new VirtualClock({ startMs: 0 });
    let fired = false;
    clock.after(100, () => {
      fired = true;
    });
    clock.jump(-3_600_000);
    await clock.advance(99);
    expect([clock.now(), clock.monotonic(), fired]).toEqual([-3_599_901, 99, false]);
    await clock.advance(1);
    expect(fired).toBe(true);
  });

  it("gives others their turn when it yields, without letting time pass", async () => {
    const clock = new VirtualClock();
    const order: string[] = [];
    clock.after(0, () => order.push("timer"));
    const work = clock.yield().then(() => order.push("yielded"));
    await clock.complete(work);
    expect([order, clock.monotonic()]).toEqual([["timer", "yielded"], 0]);
  });

  it("forgets cancelled timers, however far ahead they lie", async () => {
    const clock = new VirtualClock();
    let fired = 0;
    for (let i = 0; i < 10_000; i++) clock.after(1_000_000 + i, () => fired++).cancel();
    clock.after(5, () => fired++);
    expect(clock.nextDueMs).toBe(5);
    await clock.advance(2_000_000);
    expect([fired, clock.nextDueMs]).toEqual([1, undefined]);
  });
});
