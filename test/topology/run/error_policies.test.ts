import { describe, expect, it } from "@jest/globals";
import { millis, seconds } from "../../../core/duration.ts";
import { deadLetter, type ErrorPolicy, fail, retry, skip } from "../../../core/error_policy.ts";
import type { App } from "../../../core/runtime/app.ts";
import { integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { valueState } from "../../../core/state/descriptors.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { Cluster } from "../../support/cluster.ts";

const words = topic("words", { key: text, value: text });
const more = topic("more", { key: text, value: text });
const numbers = topic("numbers", { key: text, value: integer });
const out = topic("out", { key: text, value: text });

const world = async () => {
  const cluster = new Cluster();
  for (const name of ["words", "more", "numbers", "out", "parked"]) await cluster.create(name, 1);
  const outputs = async () => (await cluster.read(out)).map(({ value }) => value);
  return { cluster, outputs };
};

const counted = (app: App, name: string, tags: Readonly<Record<string, string>> = {}): number =>
  [...app.metrics()]
    .filter((metric) => metric.name === name && Object.entries(tags).every(([tag, value]) => metric.tags[tag] === value))
    .reduce((sum, { value }) => sum + value, 0);

/** A timer per word at the word's own time; the handler fails as often as `failures` says. */
const alarms = (onError: ErrorPolicy, failures: Map<string, number>, calls: string[] = [], now: () => number = () => 0) =>
  topology("alarms", ({ from }) => {
    from(words)
      .keyBy()
      .process("alarm", {
        state: { fired: valueState({ initial: 0 }) },
        onRecord(word, { timers, timestamp }) {
          if (word !== "go") timers.event.set(timestamp + 1000);
        },
        onTimer(timer, { state, key, timers }) {
          state.fired.set(state.fired.get() + 1);
          timers.event.set(timer.timestamp + 50_000);
          calls.push(`${key} at ${now()}`);
          const left = failures.get(key) ?? 0;
          failures.set(key, left - 1);
          if (left > 0) throw new Error("not yet");
          timers.event.delete(timer.timestamp + 50_000);
          return [`${key} ${state.fired.get()}`];
        },
      })
      .with({ onError })
      .to(out);
  });

describe("error policies", () => {
  it("are asked of the nearest: of the source, of the step, of the output, else of the topology; each counted with its step", async () => {
    const { cluster, outputs } = await world();
    const letters: string[] = [];
    const picky = (bad: string) => (word: string) => {
      if (word === bad) throw new Error("picky");
      return word;
    };
    const app = await cluster.start(
      topology(
        "nearest",
        ({ from }) => {
          from(numbers, { onError: deadLetter("parked") })
            .map(String)
            .to(out);
          const all = from(words);
          all.map(picky("step")).with({ name: "by-step", onError: skip() }).to(out);
          all
            .map(picky("topology"))
            .with({ name: "by-topology" })
            .filter(() => false)
            .to(out);
          all
            .filter((word) => word === "unwritable")
            .map((word) => word as unknown)
            .map(() => Symbol("no text") as unknown as string)
            .to(out, { onError: (error) => (error.code === "ENCODE_FAILED" ? skip() : fail()) });
        },
        { onError: deadLetter("parked", { payload: false }) },
      ),
      { on: { deadLetter: ({ topic, error }) => void letters.push(`${topic} ${error.code} ${error.step}`) } },
    );
    await cluster.produce(topic("numbers", { key: text, value: text }), [{ key: "n", value: "not four bytes" }]);
    await cluster.produce(
      words,
      ["fine", "step", "topology", "unwritable"].map((value) => ({ key: "k", value })),
    );
    await cluster.clock.advance(2000);
    // A record is taken back as a whole, whichever of its branches has failed.
    expect(await outputs()).toEqual(["fine"]);
    expect((await cluster.read(topic("parked", { key: text, value: text }))).map(({ key, value }) => [key, value])).toEqual([
      ["n", "not four bytes"],
      ["k", null],
    ]);
    expect(counted(app, "dead_letter_records", { step: "from-numbers" })).toBe(1);
    expect(counted(app, "dead_letter_records", { step: "by-topology" })).toBe(1);
    expect(counted(app, "skipped_records", { step: "by-step" })).toBe(1);
    expect(counted(app, "skipped_records")).toBe(2);
    expect(letters.sort()).toEqual(["parked DECODE_FAILED from-numbers", "parked STEP_FAILED by-topology"]);
    await cluster.close();
  });

  it("that are functions which throw or give nothing stop the instance and name the step", async () => {
    for (const [policy, said] of [
      [
        () => {
          throw new Error("broken policy");
        },
        "The function that is the error policy of step 'picky' threw: broken policy, for the error: Step 'picky' threw: bad",
      ],
      [
        () => undefined as never,
        "The function that is the error policy of step 'picky' gave nothing: return fail() for what is not forgiven, for the error: Step 'picky' threw: bad",
      ],
    ] as const) {
      const { cluster } = await world();
      const app = await cluster.start(
        topology("broken", ({ from }) => {
          from(words)
            .map((): string => {
              throw new Error("bad");
            })
            .with({ name: "picky", onError: policy })
            .to(out);
        }),
        { onUncaught: "replace-worker" },
      );
      await cluster.produce(words, [{ key: "k", value: "a" }]);
      await expect(cluster.drive(app.finished)).rejects.toMatchObject({ name: "TopologyError", message: said, step: "picky" });
    }
  });

  it("with a retry hold back the records of all inputs of the task, so that their order stays", async () => {
    const { cluster, outputs } = await world();
    let failures = 3;
    await cluster.start(
      topology("waiting", ({ from }) => {
        from([words, more])
          .keyBy()
          .process("both", {
            state: { n: valueState({ initial: 0 }) },
            onRecord(word, { state }) {
              state.n.set(state.n.get() + 1);
              if (word === "second" && failures-- > 0) throw new Error("not yet");
              return [`${word} ${state.n.get()}`];
            },
          })
          .with({ onError: retry({ attempts: 5, backoff: seconds(2) }) })
          .to(out);
      }),
    );
    const at = cluster.clock.now();
    await cluster.produce(words, [
      { key: "k", value: "first", timestamp: at },
      { key: "k", value: "second", timestamp: at + 1 },
    ]);
    await cluster.produce(more, [{ key: "k", value: "third", timestamp: at + 2 }]);
    await cluster.clock.advance(5000);
    expect(await outputs()).toEqual(["first 1"]);
    await cluster.clock.advance(5000);
    expect(await outputs()).toEqual(["first 1", "second 2", "third 3"]);
    await cluster.close();
  });

  it("leave nothing of a record that was left out in the stream time of the task", async () => {
    const { cluster, outputs } = await world();
    await cluster.start(
      topology("times", ({ from }) => {
        from(words)
          .keyBy()
          .process("times", {
            onRecord(word, { streamTime }) {
              if (word === "bad") throw new Error("bad");
              return [`${word} ${streamTime % 100_000}`];
            },
          })
          .with({ onError: skip() })
          .to(out);
      }),
    );
    await cluster.produce(words, [
      { key: "k", value: "a", timestamp: 1_600_000_000_001 },
      { key: "k", value: "bad", timestamp: 1_600_000_050_000 },
      { key: "k", value: "b", timestamp: 1_600_000_000_002 },
    ]);
    await cluster.clock.advance(2000);
    expect(await outputs()).toEqual(["a 1", "b 2"]);
    await cluster.close();
  });
});

describe("a timer that fails and is to be tried again", () => {
  it("takes back what it did, waits for the backoff, and fires before all others of its moment", async () => {
    const { cluster, outputs } = await world();
    const calls: string[] = [];
    const start = cluster.clock.monotonic();
    const backoff = (attempt: number) => seconds(attempt * 10);
    const app = await cluster.start(
      alarms(retry({ attempts: 3, backoff }), new Map([["b", 2]]), calls, () => Math.round((cluster.clock.monotonic() - start) / 10_000)),
    );
    const at = cluster.clock.now();
    await cluster.produce(
      words,
      ["a", "b", "c"].map((key) => ({ key, value: "set", timestamp: at })),
    );
    await cluster.produce(words, [{ key: "z", value: "go", timestamp: at + 60_000 }]);
    await cluster.clock.advance(5000);
    // Records that come meanwhile wait, and commits go on.
    await cluster.produce(words, [{ key: "z", value: "go", timestamp: at + 61_000 }]);
    await cluster.clock.advance(1000);
    expect(await outputs()).toEqual(["a 1"]);
    await cluster.clock.advance(60_000);
    expect(calls).toEqual(["a at 0", "b at 0", "b at 1", "b at 3", "c at 3"]);
    expect(await outputs()).toEqual(["a 1", "b 1", "c 1"]);
    expect([counted(app, "retried_timers"), counted(app, "skipped_timers")]).toEqual([2, 0]);
    await cluster.close();
    expect(cluster.clock.nextDueMs).toBeUndefined();
  });

  it("is not lost when the instance is killed while it waits", async () => {
    const { cluster, outputs } = await world();
    const first = await cluster.start(alarms(retry({ attempts: 3, backoff: seconds(60) }), new Map([["b", 1]])));
    const at = cluster.clock.now();
    await cluster.produce(
      words,
      ["a", "b", "c"].map((key) => ({ key, value: "set", timestamp: at })),
    );
    await cluster.produce(words, [{ key: "z", value: "go", timestamp: at + 60_000 }]);
    await cluster.clock.advance(5000);
    first.kill();
    await cluster.start(alarms(fail(), new Map()));
    await cluster.clock.advance(60_000);
    await cluster.produce(words, [{ key: "z", value: "go", timestamp: at + 61_000 }]);
    await cluster.clock.advance(2000);
    expect([...(await outputs())].sort()).toEqual(["a 1", "b 1", "c 1"]);
    await cluster.close();
  });

  it("is left out when its attempts are over and the policy says so, without a trace in the state", async () => {
    const { cluster, outputs } = await world();
    const app = await cluster.start(alarms(retry({ attempts: 2, backoff: millis(10), then: skip() }), new Map([["b", 9]])));
    const at = cluster.clock.now();
    await cluster.produce(
      words,
      ["a", "b", "c"].map((key) => ({ key, value: "set", timestamp: at })),
    );
    await cluster.produce(words, [{ key: "z", value: "go", timestamp: at + 10_000 }]);
    await cluster.clock.advance(5000);
    expect(await outputs()).toEqual(["a 1", "c 1"]);
    expect([counted(app, "retried_timers"), counted(app, "skipped_timers", { step: "alarm" })]).toEqual([2, 1]);
    // What its handler had set was taken back with it: nothing fires later.
    await cluster.produce(words, [{ key: "z", value: "go", timestamp: at + 100_000 }]);
    await cluster.clock.advance(5000);
    expect(await outputs()).toEqual(["a 1", "c 1"]);
    await cluster.close();
  });

  it("of the clock waits in the same way", async () => {
    const { cluster, outputs } = await world();
    let failures = 2;
    await cluster.start(
      topology("clock", ({ from }) => {
        from(words)
          .keyBy()
          .process("alarm", {
            onRecord(_word, { timers, processingTime }) {
              timers.processing.set(processingTime + 1000);
            },
            onTimer(_timer, { key }) {
              if (failures-- > 0) throw new Error("not yet");
              return [String(key)];
            },
          })
          .with({ onError: retry({ attempts: 5, backoff: seconds(10) }) })
          .to(out);
      }),
    );
    await cluster.produce(words, [{ key: "a", value: "set" }]);
    await cluster.clock.advance(20_000);
    expect(await outputs()).toEqual([]);
    await cluster.clock.advance(3000);
    expect(await outputs()).toEqual(["a"]);
    await cluster.close();
  });
});
