import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { millis } from "../../../core/duration.ts";
import type { AsyncOptions } from "../../../core/operators/async_options.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import { harness } from "../../../topology/testing/harness.ts";
import { input } from "../../../topology/testing/input.ts";

interface Call {
  readonly value: string;
  readonly attempt: number;
  readonly signal: AbortSignal;
  readonly answer: (result: string) => void;
  readonly fail: (error: unknown) => void;
}

/** A step whose requests the test answers. */
const asking = (options: AsyncOptions<string, string> = {}, restore?: Uint8Array) => {
  const calls: Call[] = [];
  const test = harness(
    { words: input<string>() },
    ({ words }) => ({
      out: words.keyBy().mapAsync(
        "ask",
        (value, { attempt, signal }) =>
          new Promise<string>((answer, fail) => {
            calls.push({ value, attempt, signal, answer, fail });
          }),
        options,
      ),
    }),
    restore === undefined ? {} : { restore },
  );
  const say = (...words: readonly string[]) => {
    for (const word of words) test.element("words", word, { key: word[0], timestamp: 1 });
  };
  const answer = async (...values: readonly string[]) => {
    for (const value of values) calls.findLast((call) => call.value === value)!.answer(`${value}!`);
    await test.settle();
  };
  const events = () =>
    test
      .events("out")
      .map((event) => (event.kind === "record" ? event.record.value : event.kind === "watermark" ? event.watermark : event.kind));
  return { test, calls, say, answer, events };
};

describe("an asynchronous step", () => {
  it("sends results on in the order of the records, however answers come, and watermarks in their place", async () => {
    const { test, say, answer, events } = asking();
    say("a1", "b1");
    test.watermark(5);
    say("a2");
    await answer("a2", "b1");
    expect(events()).toEqual([]);
    await answer("a1");
    expect(events()).toEqual(["a1!", "b1!", 5, "a2!"]);
  });

  it("sends results on as they come, where no order is asked for, but past no watermark", async () => {
    const { test, say, answer, events } = asking({ order: "none" });
    say("a1", "b1");
    test.watermark(5);
    test.watermark(6);
    say("a2", "b2");
    await answer("b2", "b1");
    expect(events()).toEqual(["b1!"]);
    await answer("a1", "a2");
    expect(events()).toEqual(["a1!", 6, "b2!", "a2!"]);
  });

  it("keeps the order of each key, and no more, where that is asked for", async () => {
    const { say, answer, events } = asking({ order: "key" });
    say("a1", "b1", "a2", "b2", "c1");
    await answer("c1", "a2", "b1", "b2");
    expect(events()).toEqual(["c1!", "b1!", "b2!"]);
    await answer("a1");
    expect(events()).toEqual(["a1!", "a2!"]);
  });

  it("has no more requests under way than it may", async () => {
    const { calls, say, answer, events } = asking({ capacity: 2 });
    say("a", "b", "c", "d");
    expect(calls.map(({ value }) => value)).toEqual(["a", "b"]);
    await answer("b");
    expect(calls).toHaveLength(2);
    await answer("a");
    expect(calls.map(({ value }) => value)).toEqual(["a", "b", "c", "d"]);
    expect(events()).toEqual(["a!", "b!"]);
  });

  it("gives up what takes too long: with a result of its own, or as a failure; the request hears of it", async () => {
    const { test, calls, say, answer, events } = asking({
      timeout: millis(100),
      onTimeout: (word, { key }) => `${word} of ${String(key)} is late`,
    });
    say("a");
    test.processingTime(60);
    say("b");
    test.processingTime(100);
    expect(events()).toEqual(["a of a is late"]);
    expect(calls.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    await answer("a", "b");
    expect(events()).toEqual(["b!"]);
    const strict = asking({ timeout: millis(100) });
    strict.say("a");
    expect(() => strict.test.processingTime(100)).toThrow("Step 'ask' got no result for a record: There was no answer within 100 ms");
  });

  it("asks again, as often and as late as it is told, all attempts within one time-out", async () => {
    const { test, calls, say, events } = asking({
      timeout: millis(1000),
      retry: { attempts: 3, backoff: (attempt) => millis(attempt * 10), when: ({ error, result }) => error !== undefined || result === "" },
    });
    say("a");
    calls[0]!.fail(new Error("busy"));
    await test.settle();
    test.processingTime(9);
    expect(calls).toHaveLength(1);
    test.processingTime(10);
    calls[1]!.answer("");
    await test.settle();
    test.processingTime(30);
    expect(calls.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(events()).toEqual([]);
    calls[2]!.answer("");
    await test.settle();
    expect(events()).toEqual([""]);
  });

  it("fails with the reason of the last attempt", async () => {
    const { test, calls, say } = asking({ retry: { attempts: 2, backoff: millis(5) } });
    say("a");
    calls[0]!.fail(new Error("busy"));
    await test.settle();
    test.processingTime(5);
    calls[1]!.fail(new Error("closed"));
    await expect(test.settle()).rejects.toThrow("Step 'ask' got no result for a record: closed");
    const throwing = harness({ n: input<number>() }, ({ n }) => ({
      out: n.mapAsync("ask", () => {
        throw new Error("at once");
      }),
    }));
    throwing.element("n", 1);
    await expect(throwing.settle()).rejects.toThrow("Step 'ask' got no result for a record: at once");
  });

  it("asks again for what was under way when it begins anew, and sends on what was not sent yet, in its order", async () => {
    const { test, say, answer, events } = asking();
    test.watermark(1);
    say("a", "b");
    test.watermark(5);
    say("c");
    await answer("a", "c");
    expect(events()).toEqual([1, "a!"]);
    const restored = asking({}, test.snapshot());
    expect(restored.calls.map(({ value }) => value)).toEqual(["b", "c"]);
    restored.say("d");
    await restored.answer("d", "c", "b");
    expect(restored.events()).toEqual([1, "b!", 5, "c!", "d!"]);
  });

  it("tells that nothing is to be expected only when nothing is under way", async () => {
    const { test, say, answer, events } = asking();
    say("a");
    test.idle("words");
    expect(events()).toEqual([]);
    await answer("a");
    expect(events()).toEqual(["a!", "idle"]);
  });

  it("lets no result come late behind it, whatever the order of answers", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constant("watermark" as const)), { maxLength: 30 }),
        fc.constantFrom("input" as const, "key" as const, "none" as const),
        fc.infiniteStream(fc.nat()),
        async (steps, order, chance) => {
          const open: (() => void)[] = [];
          const test = harness({ n: input<number>() }, ({ n }) => {
            const asked = n
              .keyBy()
              .mapAsync("ask", (value) => new Promise<number>((answer) => open.push(() => answer(value))), { order, capacity: 5 });
            const counted = asked
              .keyBy()
              .window(tumbling({ size: millis(10) }))
              .count("counted");
            return { counted, late: counted.side.late };
          });
          let largest = 0;
          let sent = 0;
          for (const step of steps) {
            if (step === "watermark") test.watermark(largest);
            else {
              const timestamp = largest + 1 + step;
              largest = Math.max(largest, timestamp);
              test.element("n", step, { key: step % 3, timestamp });
              sent++;
            }
            if (open.length > 0 && chance.next().value! % 2 === 0) {
              open.splice(chance.next().value! % open.length, 1)[0]!();
              await test.settle();
            }
          }
          test.end();
          while (open.length > 0) {
            open.splice(chance.next().value! % open.length, 1)[0]!();
            await test.settle();
          }
          expect(test.read("late")).toEqual([]);
          expect(test.read("counted").reduce((sum, { value }) => sum + value, 0)).toBe(sent);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("refuses options that cannot be", () => {
    const refused = (options: AsyncOptions<string, string>) => () => asking(options);
    expect(refused({ capacity: 0 })).toThrow("Step 'ask' cannot have a capacity of 0: give a whole number above zero");
    expect(refused({ timeout: millis(0) })).toThrow("Step 'ask' cannot have a timeout of 0 ms");
    expect(refused({ retry: { attempts: 0 } })).toThrow("Step 'ask' cannot have 0 attempts");
  });
});
