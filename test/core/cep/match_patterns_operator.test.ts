import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { matchOperator } from "../../../core/cep/match_operator.ts";
import { type MatchPatternsOptions, matchPatternsOperator } from "../../../core/cep/match_patterns_operator.ts";
import type { PatternData, PatternMatch } from "../../../core/cep/pattern_data.ts";
import { runsCodec } from "../../../core/cep/runs.ts";
import { StepError } from "../../../core/errors.ts";
import { broadcastState, openBroadcast } from "../../../core/state/descriptors.ts";
import { numberSubKey } from "../../../core/state/sub_key.ts";
import { OperatorHarness } from "../../support/operator_harness.ts";
import { fullSketches, someEvents } from "./arbitrary_sketches.ts";
import { builtSketch, type Seen, shownMatch } from "./sketch.ts";
import { sketchData, uncounted } from "./sketch_data.ts";

const end = 1_000_000;
const events = 0;
const patterns = 1;

const operator = (options: MatchPatternsOptions<Seen> = {}): OperatorHarness => new OperatorHarness(matchPatternsOperator(options));

/** One letter, then another. */
const follows = (version: number, first: string, second: string, more: Partial<PatternData> = {}): PatternData => ({
  version,
  steps: [
    { name: "one", where: { "==": [{ field: "letter" }, first] } },
    { name: "two", where: { "==": [{ field: "letter" }, second] } },
  ],
  ...more,
});

const see = (harness: OperatorHarness, letters: string, from: number, key = "k"): void => {
  for (const [i, letter] of [...letters].entries())
    harness.record(key, { letter, n: from + i, time: from + i } satisfies Seen, from + i, events);
};

const shown = ({ value, key, timestamp }: { readonly value: unknown; readonly key: unknown; readonly timestamp: number }): string => {
  const { version, events } = value as PatternMatch<Seen>;
  return `${key} v${version} ${shownMatch(events)} @${timestamp}`;
};

const found = (harness: OperatorHarness): readonly string[] => harness.take().map(shown);
const timedOut = (harness: OperatorHarness): readonly string[] => harness.side("timedOut").splice(0).map(shown);

/** What a task remembers: the versions that it knows, and those of which some key has a partial match. */
const kept = (harness: OperatorHarness): { readonly known: readonly number[]; readonly begun: readonly number[] } => {
  harness.commit();
  const { state } = harness;
  const context = { state } as Parameters<typeof openBroadcast>[1];
  const { patterns } = openBroadcast({ patterns: broadcastState<string, readonly { data: PatternData }[]>() }, context, {
    prefix: "b:",
  }).readable;
  const begun = new Set([...state.map("c:runs", numberSubKey, runsCodec).storedAddresses()].map(({ sub }) => sub));
  return { known: (patterns.get("told") ?? []).map(({ data }) => data.version), begun: [...begun].toSorted((a, b) => a - b) };
};

describe("patterns that change", () => {
  it("find nothing before the first has taken effect, and then what it says", () => {
    const harness = operator();
    see(harness, "ab", 1);
    harness.watermark(2);
    harness.record(null, follows(1, "a", "b"), 5, patterns);
    see(harness, "ab", 3);
    see(harness, "ab", 6);
    harness.watermark(10);
    expect(found(harness)).toEqual(["k v1 one:6 two:7 @7"]);
  });

  it("take effect at the time of their record, also where that comes after events which it is for, or long before", () => {
    const harness = operator();
    harness.record(null, follows(1, "a", "b"), 0, patterns);
    see(harness, "abab", 1);
    see(harness, "abab", 101);
    harness.record(null, follows(3, "b", "a"), 100, patterns);
    harness.watermark(50);
    expect(found(harness)).toEqual(["k v1 one:1 two:2 @2", "k v1 one:3 two:4 @4"]);
    harness.watermark(200);
    expect(found(harness)).toEqual(["k v3 one:102 two:103 @103"]);
  });

  it("take effect at the watermark when they come behind it", () => {
    const harness = operator();
    harness.record(null, follows(1, "a", "b"), 0, patterns);
    see(harness, "ab", 1);
    see(harness, "bx", 51);
    harness.watermark(50);
    harness.record(null, follows(2, "b", "x"), 3, patterns);
    harness.watermark(100);
    expect(found(harness)).toEqual(["k v1 one:1 two:2 @2", "k v2 one:51 two:52 @52"]);
  });

  it("let partial matches of earlier versions finish", () => {
    const harness = operator();
    harness.record(null, follows(1, "a", "b", { within: 20 }), 0, patterns);
    see(harness, "aa", 1);
    harness.record(null, follows(2, "x", "b"), 5, patterns);
    see(harness, "ax", 6);
    harness.watermark(10);
    harness.restart();
    see(harness, "b", 11);
    see(harness, "b", 12);
    harness.watermark(100);
    expect(found(harness).toSorted()).toEqual(["k v1 one:1 two:11 @11", "k v1 one:2 two:11 @11", "k v2 one:7 two:11 @11"]);
  });

  it("let them end without a word when the new version says so, but for those whose time was up before", () => {
    const harness = operator();
    harness.record(null, follows(1, "a", "b", { within: 20 }), 0, patterns);
    see(harness, "a", 1);
    see(harness, "a", 18);
    see(harness, "a", 18, "other");
    harness.record(null, follows(2, "x", "b", { onChange: "drop", within: 20 }), 30, patterns);
    see(harness, "b", 31);
    harness.watermark(100);
    expect([found(harness), timedOut(harness)]).toEqual([[], ["k v1 one:1 @21"]]);
    harness.commit();
    // What was told, of which only the last is of use.
    expect(harness.store.approximateEntries).toBe(1);
  });

  it("are refused with the reason when they make no sense, and the old one stays", () => {
    const harness = operator();
    harness.record(null, follows(2, "a", "b"), 0, patterns);
    const refusal = (data: unknown): string => {
      try {
        harness.record(null, data, 1, patterns);
      } catch (error) {
        expect(error).toBeInstanceOf(StepError);
        return (error as StepError).message;
      }
      return "";
    };
    expect(refusal({ version: 3, steps: [{ name: "x", where: { ">": [{ field: "a" }] } }] })).toBe(
      "Cannot use the pattern: steps[0].where.> has 1 values: give two",
    );
    expect(refusal(follows(2, "b", "a"))).toBe("Cannot use the pattern: version is 2, and 2 is in use: give a higher one");
    expect(refusal(follows(1, "b", "a"))).toContain("version is 1, and 2 is in use");
    // Told twice, which a producer may do.
    expect(refusal(follows(2, "a", "b"))).toBe("");
    see(harness, "ab", 5);
    harness.watermark(10);
    expect(found(harness)).toEqual(["k v2 one:5 two:6 @6"]);
  });

  it("send late events to the side, and count them", () => {
    const harness = operator();
    harness.watermark(10);
    see(harness, "a", 9);
    expect([harness.side("late").length, harness.counters.get("late_records")]).toEqual([1, 1]);
  });

  const sketches = fullSketches.map(uncounted);
  const matchesOf = (sketch: Parameters<typeof builtSketch>[0], seen: readonly Seen[], until = end): readonly string[] => {
    const harness = new OperatorHarness(matchOperator(builtSketch(sketch)));
    for (const event of seen) harness.record("k", event, event.time);
    harness.watermark(until);
    return harness.take().map(({ value }) => shownMatch(value));
  };

  it("look at every event with exactly one version, whichever come when, with restarts: as if each version had been alone with its events", () => {
    const changes = fc.array(
      fc.record({ sketch: sketches, from: fc.nat(20), onChange: fc.constantFrom("finish" as const, "drop" as const) }),
      {
        minLength: 1,
        maxLength: 3,
      },
    );
    fc.assert(
      fc.property(sketches, changes, someEvents(14), fc.infiniteStream(fc.nat(3)), (first, later, seen, chances) => {
        const versions = [{ sketch: first, from: 0, onChange: "finish" as const }, ...later.toSorted((a, b) => a.from - b.from)];
        const harness = operator();
        let told = 0;
        const tell = (): void => {
          const { sketch, from, onChange } = versions[told++]!;
          harness.record(null, sketchData(sketch, told, onChange), from, patterns);
        };
        tell();
        for (const event of seen) {
          harness.record("k", event, event.time, events);
          // At the latest just before the watermark passes its time.
          while (told < versions.length && (event.time - 1 >= versions[told]!.from || chances.next().value === 0)) tell();
          harness.watermark(event.time - 1);
          if (chances.next().value === 0) harness.restart();
        }
        while (told < versions.length) tell();
        harness.watermark(end);
        const { known, begun } = kept(harness);
        expect(known).toEqual([...new Set([...begun, versions.length])]);
        const expected = versions.flatMap(({ sketch, from }, i) => {
          const dropped = versions.find(({ onChange }, j) => j > i && onChange === "drop")?.from ?? end;
          const replaced = versions[i + 1]?.from ?? end;
          const begins = new Set(seen.filter(({ time }) => time < replaced).map(({ n }) => n));
          return matchesOf(
            sketch,
            seen.filter(({ time }) => time >= from && time < dropped),
            dropped,
          )
            .filter((match) => begins.has(Math.min(...match.split(" ").map((part) => Number(part.split(":")[1])))))
            .map((match) => `${i + 1} ${match}`);
        });
        const results = harness.take().map(({ value }) => value as PatternMatch<Seen>);
        expect(results.map(({ version, events }) => `${version} ${shownMatch(events)}`).toSorted()).toEqual(expected.toSorted());
      }),
      { numRuns: 300 },
    );
  });
});

describe("a version that was replaced", () => {
  it("is forgotten when the last of its partial matches is over, also when it has no time", () => {
    const harness = operator();
    harness.record(null, follows(1, "a", "b"), 0, patterns);
    for (const key of ["one", "other"]) see(harness, "a", 1, key);
    harness.record(null, follows(2, "x", "y"), 10, patterns);
    harness.watermark(20);
    expect(kept(harness)).toEqual({ known: [1, 2], begun: [1] });
    see(harness, "b", 21, "one");
    harness.watermark(30);
    harness.restart();
    expect(kept(harness)).toEqual({ known: [1, 2], begun: [1] });
    // What the other key has begun would wait for ever.
    harness.record(null, follows(3, "x", "z", { onChange: "drop" }), 35, patterns);
    harness.watermark(40);
    expect(kept(harness)).toEqual({ known: [3], begun: [] });
    expect(found(harness)).toEqual(["one v1 one:1 two:21 @21"]);
  });

  it("is forgotten when it has none, however many were told before an event came", () => {
    const harness = operator();
    for (let version = 1; version <= 50; version++) {
      harness.record(null, follows(version, "a", "b"), version, patterns);
      harness.watermark(version);
    }
    expect(kept(harness)).toEqual({ known: [50], begun: [] });
  });

  it("is kept as long as an event waits that it is for", () => {
    const harness = operator();
    harness.record(null, follows(1, "a", "b"), 0, patterns);
    see(harness, "ab", 5);
    harness.record(null, follows(2, "x", "y"), 10, patterns);
    harness.record(null, follows(3, "y", "z"), 20, patterns);
    expect(kept(harness).known).toEqual([1, 2, 3]);
    harness.watermark(10);
    expect([found(harness), kept(harness).known]).toEqual([["k v1 one:5 two:6 @6"], [2, 3]]);
    harness.watermark(15);
    see(harness, "xy", 16);
    harness.watermark(25);
    expect([found(harness), kept(harness).known]).toEqual([["k v2 one:16 two:17 @17"], [3]]);
  });

  // It was forgotten itself as soon as it had nothing under way, and what it was to end went on.
  it("is known as long as there is something that it ends", () => {
    const harness = operator();
    harness.record(null, follows(1, "a", "b"), 0, patterns);
    see(harness, "a", 1);
    harness.record(null, follows(2, "x", "y", { onChange: "drop" }), 5, patterns);
    harness.record(null, follows(3, "y", "z"), 5, patterns);
    see(harness, "b", 5);
    harness.watermark(4);
    expect(kept(harness)).toEqual({ known: [1, 2, 3], begun: [1] });
    harness.watermark(5);
    expect([found(harness), kept(harness)]).toEqual([[], { known: [3], begun: [] }]);
  });

  it("leaves nothing behind when it is dropped, also of a key of which nothing comes any more", () => {
    for (const time of ["event", "processing"] as const) {
      const harness = operator({ time });
      const at = (now: number): void => (time === "event" ? harness.watermark(now) : harness.processingTime(now));
      harness.record(null, follows(1, "a", "b"), 0, patterns);
      see(harness, "aa", 1, "silent");
      at(10);
      // Begins when the change is told, and before it takes effect.
      if (time === "event") harness.record(null, follows(2, "x", "y", { onChange: "drop" }), 30, patterns);
      see(harness, "a", 20, "later");
      at(25);
      if (time === "processing") harness.record(null, follows(2, "x", "y", { onChange: "drop" }), 30, patterns);
      harness.restart();
      at(40);
      expect([kept(harness), harness.store.approximateEntries]).toEqual([{ known: [2], begun: [] }, 1]);
    }
  });
});

describe("patterns that change in processing time", () => {
  it("take effect when they come, whatever time their record or the events have", () => {
    const harness = operator({ time: "processing" });
    harness.processingTime(1000);
    see(harness, "a", 7);
    harness.record(null, follows(1, "a", "b", { within: 100 }), 99_999, patterns);
    see(harness, "aab", 3);
    expect(found(harness)).toEqual(["k v1 one:3 two:5 @1000", "k v1 one:4 two:5 @1000"]);
    see(harness, "a", 9);
    harness.record(null, follows(2, "b", "c"), 0, patterns);
    harness.processingTime(1050);
    harness.restart();
    see(harness, "bc", 10);
    expect(found(harness)).toEqual(["k v1 one:9 two:10 @1050", "k v2 one:10 two:11 @1050"]);
    expect([harness.side("late"), kept(harness)]).toEqual([[], { known: [2], begun: [] }]);
  });

  it("put the events of one millisecond in order, and look at them with the version that was told last", () => {
    const harness = operator({ time: "processing", order: (a, b) => a.n - b.n });
    harness.record(null, follows(1, "b", "a"), 0, patterns);
    harness.processingTime(1000);
    see(harness, "b", 2);
    see(harness, "a", 1);
    harness.record(null, follows(2, "a", "b"), 0, patterns);
    expect(found(harness)).toEqual([]);
    harness.processingTime(1001);
    expect(found(harness)).toEqual(["k v2 one:1 two:2 @1000"]);
  });

  it("time out when the clock has passed their time", () => {
    const harness = operator({ time: "processing" });
    harness.record(null, follows(1, "a", "b", { within: 10 }), 0, patterns);
    harness.processingTime(1000);
    see(harness, "a", 1);
    harness.processingTime(1010);
    expect(timedOut(harness)).toEqual([]);
    harness.processingTime(1011);
    expect([timedOut(harness), kept(harness).begun]).toEqual([["k v1 one:1 @1010"], []]);
  });

  it("look at every event with exactly one version, with restarts: as if each version had been alone with its events", () => {
    const sketches = fullSketches.map(uncounted);
    const byTheClock = (harness: OperatorHarness, seen: readonly Seen[], before: (i: number) => void = () => {}): void => {
      for (const [i, event] of seen.entries()) {
        harness.processingTime(event.time);
        before(i);
        harness.record("k", event, event.time, events);
      }
    };
    const matchesOf = (sketch: Parameters<typeof builtSketch>[0], seen: readonly Seen[]): readonly string[] => {
      const harness = new OperatorHarness(matchOperator(builtSketch(sketch), { time: "processing" }));
      byTheClock(harness, seen);
      return harness.take().map(({ value }) => shownMatch(value));
    };
    fc.assert(
      fc.property(sketches, sketches, someEvents(10), fc.nat(9), fc.infiniteStream(fc.nat(3)), (one, two, before, changeAt, chances) => {
        // What passing time has ended is noticed with an event or a timer, also one of another version: so all of it is, in the end.
        const seen = [...before, { letter: "x", n: before.length, time: end }];
        const harness = operator({ time: "processing" });
        harness.record(null, sketchData(one, 1, "finish"), 0, patterns);
        byTheClock(harness, seen, (i) => {
          if (i === changeAt) harness.record(null, sketchData(two, 2, "finish"), 0, patterns);
          if (chances.next().value === 0) harness.restart();
        });
        const old = matchesOf(one, seen).filter(
          (match) => Math.min(...match.split(" ").map((part) => Number(part.split(":")[1]))) < (seen[changeAt]?.n ?? seen.length),
        );
        const fresh = matchesOf(two, seen.slice(changeAt));
        expect(
          harness
            .take()
            .map(({ value }) => `${(value as PatternMatch<Seen>).version} ${shownMatch((value as PatternMatch<Seen>).events)}`)
            .toSorted(),
        ).toEqual([...old.map((match) => `1 ${match}`), ...fresh.map((match) => `2 ${match}`)].toSorted());
      }),
      { numRuns: 300 },
    );
  });
});
