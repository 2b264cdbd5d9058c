import { describe, expect, it } from "@jest/globals";
import { millis, seconds } from "../../../core/duration.ts";
import { deadLetter, type ErrorPolicy, fail, retry, skip } from "../../../core/error_policy.ts";
import type { StepError } from "../../../core/errors.ts";
import { json } from "../../../core/serde/json.ts";
import type { Serde } from "../../../core/serde/serde.ts";
import { text } from "../../../core/serde/text.ts";
import { valueState } from "../../../core/state/descriptors.ts";
import { sink } from "../../../topology/sink.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { BadInput, counted, utf8 } from "./outcome.ts";

const words = topic("words", { key: text, value: text });
const out = topic("out", { key: text, value: text });

const open = () => BadInput.open({ words: 1, out: 1, parked: 1 });
const say = (world: BadInput, ...values: readonly string[]) =>
  world.write("words", ...values.map((value) => ({ key: utf8("k"), value: utf8(value) })));

/** What user code throws although it should not. */
const thrown: readonly (readonly [what: string, thrown: unknown, said: string])[] = [
  ["an Error", new TypeError("x is not a function"), "x is not a function"],
  ["a text", "went wrong", "went wrong"],
  ["undefined", undefined, "undefined was thrown"],
  ["null", null, "null was thrown"],
  ["a number", 42, "number 42 was thrown"],
  ["a symbol", Symbol("why"), "symbol Symbol(why) was thrown"],
  ["an object without a prototype", Object.create(null), "an object was thrown that cannot be shown"],
  [
    "something that throws when it is looked at",
    {
      get message(): string {
        throw new Error("hands off");
      },
      toString() {
        throw new Error("hands off");
      },
    },
    "an object was thrown that cannot be shown",
  ],
];

const throwing = (what: unknown, onError: ErrorPolicy) =>
  topology("throwing", ({ from }) => {
    from(words)
      .map((word) => {
        if (word === "bad") throw what;
        return word;
      })
      .with({ name: "shout", onError })
      .to(out);
  });

describe("a function of the program that throws", () => {
  for (const [what, value, said] of thrown) {
    it(`(${what}) stops the instance with a StepError that names step and record`, async () => {
      const world = await open();
      await say(world, "before", "bad", "after");
      const error = (await world.failure(throwing(value, fail()))) as StepError;
      expect(error).toMatchObject({ name: "StepError", code: "STEP_FAILED", step: "shout", topic: "words", partition: 0, offset: 1 });
      expect(error.message).toBe(`Step 'shout' threw: ${said}`);
      expect(error.value).toBe("bad");
      expect(error.cause).toBe(value);
      expect((await world.position("throwing", "words")) ?? 0).toBeLessThanOrEqual(1);
      expect((await world.texts("out")).map((record) => record.value)).not.toContain("after");
    });

    it(`(${what}) loses that record alone when the policy is to skip`, async () => {
      const world = await open();
      await say(world, "before", "bad", "after");
      const app = await world.run(throwing(value, skip()));
      expect((await world.texts("out")).map((record) => record.value)).toEqual(["before", "after"]);
      expect(counted(app, "skipped_records")).toBe(1);
      await world.close();
    });
  }

  it("takes state and outputs of the record back with it, also those of steps before", async () => {
    const world = await open();
    const counting = topology("counting", ({ from }) => {
      const counted = from(words)
        .keyBy()
        .process("number", {
          state: { n: valueState<number>() },
          onRecord: (word, { state }) => {
            const n = (state.n.get() ?? 0) + 1;
            state.n.set(n);
            return [`${word} ${n}`];
          },
        });
      counted.to(out);
      counted
        .map((word) => {
          if (word.startsWith("bad")) throw new Error("no");
          return word;
        })
        .with({ name: "picky", onError: deadLetter("parked") })
        .filter(() => false)
        .to(out);
    });
    await say(world, "a", "bad", "b");
    await world.run(counting);
    expect((await world.texts("out")).map((record) => record.value)).toEqual(["a 1", "b 2"]);
    expect(await world.texts("parked")).toEqual([
      { key: "k", value: "bad", headers: expect.objectContaining({ "millrace.error.step": "picky", "millrace.error.class": "StepError" }) },
    ]);
    await world.close();
  });

  it("is called again as often and as late as retry says, in the order of the records", async () => {
    const world = await open();
    let calls: number[] = [];
    const stubborn = (failures: number) =>
      topology("stubborn", ({ from }) => {
        from(words)
          .map((word) => {
            if (word === "bad" && calls.push(world.cluster.clock.monotonic()) <= failures) throw new Error("not yet");
            return word;
          })
          .with({ onError: retry({ attempts: 3, backoff: (attempt) => millis(attempt * 1000), then: skip() }) })
          .to(out);
      });
    await say(world, "before", "bad", "after");
    const app = await world.cluster.start(stubborn(2));
    await world.cluster.clock.advance(10_000);
    expect((await world.texts("out")).map((record) => record.value)).toEqual(["before", "bad", "after"]);
    expect(calls.slice(1).map((at, i) => Math.round((at - calls[i]!) / 1000))).toEqual([1, 2]);
    expect([counted(app, "retried_records"), counted(app, "skipped_records")]).toEqual([2, 0]);
    await world.cluster.drive(app.close());
    calls = [];
    await say(world, "bad", "last");
    const second = await world.cluster.start(stubborn(9));
    await world.cluster.clock.advance(20_000);
    expect((await world.texts("out")).map((record) => record.value)).toEqual(["before", "bad", "after", "last"]);
    expect([calls.length, counted(second, "skipped_records")]).toEqual([4, 1]);
    await world.close();
  });

  it("at a timer is left out when the policy says so, and counted", async () => {
    const world = await open();
    const timed = topology("timed", ({ from }) => {
      from(words, { timestamp: (word) => Number(word) })
        .keyBy()
        .process("alarm", {
          onRecord: (word, { timers }) => {
            timers.event.set(Number(word) + 5);
            return [];
          },
          onTimer: ({ timestamp }) => {
            if (timestamp === 15) throw new Error("no");
            return [`fired ${timestamp}`];
          },
        })
        .with({ onError: skip() })
        .to(out);
    });
    await say(world, "10", "20", "30");
    const app = await world.run(timed);
    expect((await world.texts("out")).map((record) => record.value)).toEqual(["fired 25"]);
    expect(counted(app, "skipped_timers")).toBe(1);
    await world.close();
  });

  for (const serde of [text, json<unknown>()])
    it(`by giving a promise is told that steps are synchronous (${serde.name})`, async () => {
      const world = await open();
      await say(world, "a");
      const asynchronous = topology("asynchronous", ({ from }) => {
        from(words)
          .map(async (word) => word)
          .to(topic<string, unknown>("out", { key: text, value: serde as Serde<unknown> }));
      });
      const error = await world.failure(asynchronous);
      expect(error).toMatchObject({ name: "ProduceError", code: "ENCODE_FAILED", step: "to-out", topic: "out" });
      expect(error.message).toMatch(/^Cannot write the value for topic 'out': it is a promise, and steps are synchronous: /);
      expect(await world.texts("out")).toEqual([]);
    });
});

describe("a question that fails", () => {
  for (const [what, value, said] of thrown)
    it(`(${what}) stops the instance with a StepError that names the step, and is asked again when the program is mended`, async () => {
      const world = await open();
      const asking = (ask: (word: string) => Promise<string>) =>
        topology("asking", ({ from }) => {
          from(words).keyBy().mapAsync("ask", ask).to(out);
        });
      await say(world, "before", "bad", "after");
      const error = (await world.failure(asking((word) => (word === "bad" ? Promise.reject(value) : Promise.resolve(word))))) as StepError;
      expect(error).toMatchObject({ name: "StepError", code: "STEP_FAILED", step: "ask" });
      expect(error.message).toBe(`Step 'ask' got no result for a record: ${said}`);
      expect((await world.texts("out")).map((record) => record.value)).not.toContain("bad");
      await world.run(asking((word) => Promise.resolve(word)));
      expect((await world.texts("out")).map((record) => record.value)).toEqual(["before", "bad", "after"]);
      await world.close();
    });
});

describe("a sink whose write rejects", () => {
  for (const [what, value, said] of thrown)
    it(`with ${what} is tried again until taskTimeout, and nothing is counted as written`, async () => {
      const world = await open();
      let writes = 0;
      const stuck = topology("stuck", ({ from }) => {
        from(words).to(
          sink<string>("index", {
            write: async () => {
              writes++;
              throw value;
            },
          }),
        );
      });
      await say(world, "a");
      const error = await world.failure(stuck, { taskTimeout: seconds(5) });
      expect(error).toMatchObject({ name: "TaskTimeoutError", code: "TASK_TIMEOUT", step: "index" });
      expect(error.message).toBe(`Sink 'index' could not be written for 5000 ms: ${said}`);
      expect(writes).toBeGreaterThan(2);
      expect((await world.position("stuck", "stuck-index-sink")) ?? 0).toBe(0);
    });

  it("and which never answers holds its own task alone, and stops the instance after taskTimeout", async () => {
    const world = await open();
    const deaf = topology("deaf", ({ from }) => {
      const all = from(words);
      all.to(sink<string>("index", { write: () => new Promise(() => {}) }));
      all.to(out);
    });
    await say(world, "a");
    const app = await world.run(deaf, { taskTimeout: seconds(30) });
    await say(world, "b");
    await world.cluster.clock.advance(20_000);
    expect(app.state).toBe("running");
    expect((await world.texts("out")).map(({ value }) => value)).toEqual(["a", "b"]);
    const error = await world.failureOf(app);
    expect(error).toMatchObject({ name: "TaskTimeoutError", code: "TASK_TIMEOUT", step: "index" });
    expect(error.message).toBe(
      "Sink 'index' has not answered for 30000 ms: let its write reject when the system outside is away, or raise taskTimeout",
    );
    expect((await world.position("deaf", "deaf-index-sink")) ?? 0).toBe(0);
  });

  it("and which never closes does not hold the app: it is left alone after closeTimeout", async () => {
    const world = await open();
    const held = topology("held", ({ from }) => {
      from(words).to(sink<string>("index", { write: async () => {}, close: () => new Promise(() => {}) }));
    });
    await say(world, "a");
    const app = await world.run(held, { closeTimeout: seconds(5) });
    const beganMs = world.cluster.clock.monotonic();
    await world.cluster.drive(app.close());
    expect(app.state).toBe("stopped");
    expect(world.cluster.clock.monotonic() - beganMs).toBeGreaterThanOrEqual(5000);
    expect(world.cluster.warnings).toContainEqual(expect.stringMatching(/^Sink 'index' did not close within 5000 ms and is left alone/));
    expect(await world.position("held", "held-index-sink")).toBeGreaterThan(0);
  });
});
