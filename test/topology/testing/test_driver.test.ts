import { describe, expect, it } from "@jest/globals";
import { millis, minutes, seconds } from "../../../core/duration.ts";
import { skip } from "../../../core/error_policy.ts";
import { json } from "../../../core/serde/json.ts";
import { nullable } from "../../../core/serde/nullable.ts";
import { float64, integer } from "../../../core/serde/numbers.ts";
import { text } from "../../../core/serde/text.ts";
import { keyValueStore } from "../../../core/state/stores/key_value_store.ts";
import { windowStore } from "../../../core/state/stores/window_store.ts";
import { boundedOutOfOrderness } from "../../../core/time/watermark_strategy.ts";
import { onClose, onUpdate } from "../../../core/window/revision.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import { untilTimeLimit, untilWindowCloses } from "../../../topology/suppression.ts";
import { tagged } from "../../../topology/tagged.ts";
import { testDriver } from "../../../topology/testing/test_driver.ts";
import { topic } from "../../../topology/topic.ts";
import { topicPerRecord } from "../../../topology/topic_per_record.ts";
import { topology } from "../../../topology/topology.ts";

const words = topic("words", { key: text, value: nullable(text) });
const other = topic("other", { key: text, value: text });
const counts = topic("counts", { key: text, value: integer });
const everything = topic("everything", { key: text, value: nullable(text) });
const changes = topic("changes", { key: text, value: nullable(text) });

const wordCount = topology("word-count", ({ from }) => {
  from(words)
    .flatMap((line) => (line === null ? [] : line.split(" ")))
    .keyBy((word) => word)
    .count("count")
    .to(counts);
});

describe("the test driver", () => {
  it("handles each record to its end, through internal topics, before the call returns", () => {
    const driver = testDriver(wordCount);
    const input = driver.createInputTopic(words, { startAt: 5, autoAdvance: 10 });
    const output = driver.createOutputTopic(counts);
    expect(output.isEmpty()).toBe(true);
    input.pipeInput("to be or not to be");
    expect(output.readMap()).toEqual(
      new Map([
        ["or", 1],
        ["not", 1],
        ["to", 2],
        ["be", 2],
      ]),
    );
    input.pipeInput("be");
    expect(output.readRecord()).toMatchObject({ key: "be", value: 3, timestamp: 15 });
    expect(output.isEmpty()).toBe(true);
    expect(() => output.readRecord()).toThrow("Topic 'counts' has no more records: 7 were written and are read");
  });

  it("shows what stores hold and what went to their changelogs", () => {
    const driver = testDriver(topology("rows", ({ table }) => table(words, { store: "rows" }).to(changes)));
    const input = driver.createInputTopic(words);
    input.pipeInput("x", { key: "b", timestamp: 3 });
    input.pipeInput("y", { key: "a", timestamp: 1 });
    input.pipeInput(null, { key: "b", timestamp: 2 });
    expect([...driver.store("rows").all()]).toEqual([["a", "y"]]);
    expect(driver.store("rows").timestampOf("a")).toBe(1);
    expect(driver.changelog("rows")).toEqual([
      { key: "b", value: "x", timestamp: 3 },
      { key: "a", value: "y", timestamp: 1 },
      { key: "b", value: null, timestamp: 2 },
    ]);
    expect(() => driver.store("row")).toThrow("keeps nothing under the name 'row' that could be read: it has 'rows'");
  });

  it("keeps headers as they are, also double ones and null", () => {
    const driver = testDriver(topology("through", ({ from }) => from(words).to(changes)));
    const headers = [
      ["h", new Uint8Array([1])],
      ["h", null],
    ] as const;
    driver.createInputTopic(words).pipeInput(null, { key: "k", headers });
    expect([...driver.createOutputTopic(changes).readRecord().headers]).toEqual(headers);
  });

  it("takes bytes that cannot be read, and counts what is left out", () => {
    const driver = testDriver(
      topology("numbers", ({ from }) => from(topic("in", { key: text, value: integer }), { onError: skip() }).to(counts)),
    );
    driver.createInputTopic(topic("in", { key: text, value: integer })).pipeRaw(null, new Uint8Array([1, 2]));
    expect(driver.createOutputTopic(counts).readValues()).toEqual([]);
    expect(driver.droppedRecords()).toBe(1);
  });

  it("throws what ends the run", () => {
    const driver = testDriver(
      topology("failing", ({ from }) =>
        from(words)
          .map((): string => {
            throw new Error("boom");
          })
          .to(other),
      ),
    );
    expect(() => driver.createInputTopic(words).pipeInput("x")).toThrow("boom");
    expect(() => driver.createInputTopic(counts)).toThrow("Topology 'failing' does not read topic 'counts': check its name");
  });

  it("moves wall time only when it is told to", () => {
    const last = keyValueStore("last", { key: text, value: float64 });
    const driver = testDriver(
      topology("ticks", ({ from }) => {
        from(words)
          .process("tick", {
            state: { last },
            schedules: { tick: { every: seconds(1), by: "wall-clock" } },
            onRecord(value, { key, processingTime, state }) {
              if (key !== null && value !== null) state.last.put(key, processingTime);
            },
            onSchedule: (now, { state }) => [...state.last.all()].map(([key, seen]) => ({ key, value: now - seen })),
          })
          .rewrite((draft) => draft)
          .to(topic("ages", { key: text, value: float64 }));
      }),
    );
    driver.createInputTopic(words).pipeInput("x", { key: "k" });
    driver.advanceWallClockTime(999);
    const ages = driver.createOutputTopic(topic("ages", { key: text, value: float64 }));
    expect(ages.isEmpty()).toBe(true);
    driver.advanceWallClockTime(1);
    driver.advanceWallClockTime(5500);
    expect(ages.readRecords().map(({ key, value, timestamp }) => [key, value, timestamp])).toEqual([
      ["k", 1000, 1000],
      ["k", 6500, 6500],
    ]);
    expect([...driver.store(last).all()]).toEqual([["k", 0]]);
  });

  it("begins anew from what was committed, without losing anything", () => {
    const driver = testDriver(wordCount);
    driver.createInputTopic(words).pipeInput("a b a");
    driver.restart();
    driver.createInputTopic(words).pipeInput("a");
    expect(driver.createOutputTopic(counts).readMap()).toEqual(
      new Map([
        ["b", 1],
        ["a", 3],
      ]),
    );
  });
});

describe("steps of tables and streams", () => {
  it("write each record to the topic that it chooses, and refuse topics that are not there", () => {
    const [short, long] = ["short", "long"].map((name) => topic(name, { key: text, value: nullable(text) }));
    const byLength = topicPerRecord({
      topics: [short!, long!],
      name: (value: string | null) => (value === null ? "none" : value.length > 2 ? "long" : "short"),
    });
    const driver = testDriver(topology("chosen", ({ from }) => from(words).to(byLength)));
    const input = driver.createInputTopic(words);
    input.pipeInput("a");
    input.pipeInput("abc");
    expect([short, long].map((each) => driver.createOutputTopic(each!).readValues())).toEqual([["a"], ["abc"]]);
    expect(() => input.pipeInput(null)).toThrow("There is no topic 'none' among short|long: list it in topicPerRecord");
  });

  it("aggregate streams of different kinds together", () => {
    const driver = testDriver(
      topology("both", ({ from }) => {
        tagged({ word: from(words).keyBy(), number: from(topic("numbers", { key: text, value: integer })).keyBy() })
          .aggregate("sum", {
            init: () => 0,
            add: (sum, event) => (event === null ? sum : sum + (event.from === "word" ? event.value.length : event.value)),
          })
          .to(counts);
      }),
    );
    driver.createInputTopic(words).pipeInput("four", { key: "k" });
    driver.createInputTopic(words).pipeInput(null, { key: "k" });
    driver.createInputTopic(topic("numbers", { key: text, value: integer })).pipeInput(10, { key: "k" });
    expect(driver.createOutputTopic(counts).readValues()).toEqual([4, 14]);
    expect(driver.droppedRecords()).toBe(1);
  });

  it("let a row wait for the wall clock, or for its window's end, whichever comes first", () => {
    const driver = testDriver(
      topology("waiting", ({ from }) => {
        from(words)
          .keyBy()
          .window(tumbling({ size: minutes(1) }), { emit: onUpdate() })
          .count("per-minute")
          .suppress("final", untilWindowCloses({ atLatest: seconds(5) }))
          .toStream()
          .rewrite((n, { key }) => ({ key: `${key.key}@${key.window.start}`, value: n ?? -1 }))
          .to(counts);
        from(words)
          .keyBy()
          .count("all")
          .suppress("calm", untilTimeLimit(seconds(3), { clock: "wall-clock" }))
          .to(topic("calm", { key: text, value: integer }));
      }),
    );
    const input = driver.createInputTopic(words);
    const final = driver.createOutputTopic(counts);
    const calm = driver.createOutputTopic(topic("calm", { key: text, value: integer }));
    input.pipeInput("x", { key: "k", timestamp: 10 });
    input.pipeInput("x", { key: "k", timestamp: 20 });
    driver.advanceWallClockTime(seconds(3));
    expect([calm.readValues(), final.isEmpty()]).toEqual([[2], true]);
    driver.advanceWallClockTime(seconds(2));
    expect(final.readMap()).toEqual(new Map([["k@0", 2]]));
    input.pipeInput("x", { key: "k", timestamp: 70_000 });
    input.pipeInput("x", { key: "k", timestamp: 120_000 });
    expect(final.readMap()).toEqual(new Map([["k@60000", 1]]));
  });

  it("tell a window once, when stream time or the watermark has passed its end and the lateness", () => {
    const program = (clock: "stream-time" | "watermark") =>
      topology("once", ({ from }) => {
        const counted = from(words, { watermarks: boundedOutOfOrderness(millis(50)) })
          .keyBy()
          .window(tumbling({ size: millis(100) }), { emit: onClose({ clock }), lateness: millis(20) })
          .count("count");
        counted
          .toStream()
          .rewrite((n, { key }) => ({ key: `${key.key}@${key.window.start}`, value: n ?? -1 }))
          .to(counts);
      });
    for (const [clock, tellsAt] of [
      ["stream-time", 120],
      ["watermark", 170],
    ] as const) {
      const driver = testDriver(program(clock));
      const input = driver.createInputTopic(words);
      const output = driver.createOutputTopic(counts);
      for (const timestamp of [10, tellsAt - 1, 90]) input.pipeInput("x", { key: "k", timestamp });
      expect([clock, output.readValues()]).toEqual([clock, []]);
      driver.restart();
      input.pipeInput("x", { key: "k", timestamp: tellsAt });
      expect([clock, output.readRecords().map(({ key, value, timestamp }) => [key, value, timestamp])]).toEqual([clock, [["k@0", 2, 90]]]);
      input.pipeInput("x", { key: "k", timestamp: 95 });
      expect([clock, output.isEmpty(), driver.droppedRecords()]).toEqual([clock, true, 1]);
    }
  });

  it("tell a window before its end when it has waited so long by the wall clock, and take back what was made of that", () => {
    const final = topic("final", { key: text, value: integer });
    const driver = testDriver(
      topology("early", ({ from }) => {
        const counted = from(words)
          .keyBy()
          .window(tumbling({ size: minutes(1) }), { emit: onClose({ atLatest: seconds(5) }) })
          .count("per-minute");
        counted
          .toStream()
          .rewrite((n, { key }) => ({ key: `${key.key}@${key.window.start}`, value: n ?? -1 }))
          .to(final);
        counted
          .groupBy((_n, { key }) => key.key)
          .aggregate("total", { init: () => 0, add: (sum, n) => sum + n, subtract: (sum, n) => sum - n })
          .to(counts);
      }),
    );
    const input = driver.createInputTopic(words);
    const windows = driver.createOutputTopic(final);
    const totals = driver.createOutputTopic(counts);
    const said = (): unknown => [
      windows.readRecords().map(({ key, value, timestamp }) => [key, value, timestamp]),
      totals.readValues().at(-1),
    ];
    for (const timestamp of [10, 20]) input.pipeInput("x", { key: "k", timestamp });
    driver.advanceWallClockTime(seconds(4));
    expect(said()).toEqual([[], undefined]);
    driver.restart();
    driver.advanceWallClockTime(seconds(1));
    expect(said()).toEqual([[["k@0", 2, 20]], 2]);
    input.pipeInput("x", { key: "k", timestamp: 30 });
    driver.restart();
    driver.advanceWallClockTime(seconds(5));
    expect(said()).toEqual([[["k@0", 3, 30]], 3]);
    input.pipeInput("x", { key: "k", timestamp: 60_000 });
    expect(said()).toEqual([[], undefined]);
    input.pipeInput("x", { key: "k", timestamp: 120_000 });
    expect(said()).toEqual([[["k@60000", 1, 60_000]], 4]);
  });

  it("tell of records without a partner when the watermark has passed them", () => {
    const driver = testDriver(
      topology("partners", ({ from }) => {
        const right = from(other).keyBy();
        from(words)
          .keyBy()
          .outerJoin("pairs", right, { before: millis(10), after: millis(20) }, (a, b) => `${a}+${b}`)
          .to(changes);
      }),
    );
    const [left, right] = [driver.createInputTopic(words), driver.createInputTopic(other)];
    const output = driver.createOutputTopic(changes);
    left.pipeInput("L", { key: "k", timestamp: 100 });
    right.pipeInput("R", { key: "k", timestamp: 115 });
    left.pipeInput("M", { key: "k", timestamp: 200 });
    right.pipeInput("S", { key: "k", timestamp: 400 });
    left.pipeInput("N", { key: "k", timestamp: 900 });
    right.pipeInput("T", { key: "k", timestamp: 950 });
    expect(output.readRecords().map(({ value, timestamp }) => [value, timestamp])).toEqual([
      ["L+R", 115],
      ["M+undefined", 200],
      ["undefined+S", 400],
    ]);
  });

  it("are left out alone where a policy says so, with what they had kept", () => {
    const driver = testDriver(
      topology(
        "forgiving",
        ({ from }) => {
          const source = from(words);
          source
            .map((word) => {
              if (word === "bad") throw new Error("boom");
              return word;
            })
            .to(changes);
          source
            .keyBy()
            .reduce("all", (a, b) => `${a}${b}`)
            .to(everything);
        },
        { onError: skip({ scope: "step" }) },
      ),
    );
    const input = driver.createInputTopic(words);
    for (const word of ["a", "bad", "c"]) input.pipeInput(word, { key: "k" });
    expect(driver.createOutputTopic(changes).readValues()).toEqual(["a", "c"]);
    expect(driver.createOutputTopic(everything).readValues()).toEqual(["a", "abad", "abadc"]);
    expect(driver.droppedRecords()).toBe(1);
  });

  it("share a store that they list, and refuse another of its name", () => {
    const seen = keyValueStore("seen", { key: text, value: json<number>() });
    const driver = testDriver(
      topology("sharing", ({ from }) => {
        from(words).process("write", {
          state: { seen },
          onRecord: (word, { state }) => void (word !== null && state.seen.put(word, word.length)),
        });
        from(other)
          .process("read", { state: { seen }, onRecord: (word, { state }) => [state.seen.get(word) ?? -1] })
          .to(counts);
      }),
    );
    driver.createInputTopic(words).pipeInput("abc");
    driver.createInputTopic(other).pipeInput("abc");
    driver.createInputTopic(other).pipeInput("x");
    expect(driver.createOutputTopic(counts).readValues()).toEqual([3, -1]);
    // What one step has put hides what is too old for the other one, too.
    const recent = windowStore("recent", { key: text, value: json<number>(), size: millis(1), retention: millis(10) });
    const windowed = testDriver(
      topology("recent", ({ from }) => {
        from(words).process("write", {
          state: { recent },
          onRecord: (_word, { timestamp, state }) => state.recent.put("k", timestamp, timestamp),
        });
        from(other)
          .process("read", { state: { recent }, onRecord: (_word, { state }) => [[...state.recent.fetch("k", 0, 1000)].length] })
          .to(counts);
      }),
    );
    for (const timestamp of [0, 5, 12]) {
      windowed.createInputTopic(words).pipeInput("x", { timestamp });
      windowed.createInputTopic(other).pipeInput("x", { timestamp });
    }
    expect(windowed.createOutputTopic(counts).readValues()).toEqual([1, 2, 2]);
    const again = keyValueStore("seen", { key: text, value: json<number>() });
    expect(() =>
      topology("clash", ({ from }) => {
        from(words).process("one", { state: { seen }, onRecord: () => {} });
        from(words).process("two", { state: { again }, onRecord: () => {} });
      }),
    ).toThrow("Topology 'clash' has two stores called 'seen'");
  });
});
