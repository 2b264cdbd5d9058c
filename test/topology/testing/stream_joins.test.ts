import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { forever, millis } from "../../../core/duration.ts";
import { keepLast } from "../../../core/window/keep_last.ts";
import { onCount } from "../../../core/window/on_count.ts";
import { session } from "../../../core/window/session.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import type { Interval } from "../../../topology/stream_join.ts";
import { tagged } from "../../../topology/tagged.ts";
import { harness } from "../../../topology/testing/harness.ts";
import { input } from "../../../topology/testing/input.ts";

interface Event {
  readonly key: string;
  readonly at: number;
  readonly id: string;
}

const inputs = { left: input<Event>(), right: input<Event>() };
const arbitraryEvents = fc
  .array(fc.tuple(fc.constantFrom("left" as const, "right" as const), fc.constantFrom("a", "b"), fc.integer({ min: -40, max: 40 })), {
    maxLength: 40,
  })
  .map((events) => events.map(([side, key, at], i) => ({ side, key, at, id: `${side[0]}${i}` })));

const joining = (within: Interval, restore?: Uint8Array) =>
  harness(
    inputs,
    ({ left, right }) => {
      const joined = left
        .keyBy(({ key }) => key)
        .join(
          "join",
          right.keyBy(({ key }) => key),
          within,
          (l, r, { timestamp }) => `${l.id} ${r.id} ${timestamp}`,
        );
      return { joined, lateLeft: joined.side.lateLeft, lateRight: joined.side.lateRight };
    },
    restore === undefined ? {} : { restore },
  );

describe("a join by an interval", () => {
  const expected = (events: readonly (Event & { readonly side: string })[], lower: number, upper: number) =>
    events
      .filter(({ side }) => side === "left")
      .flatMap((l) =>
        events
          .filter(({ side, key, at }) => side === "right" && key === l.key && at - l.at >= lower && at - l.at <= upper)
          .map((r) => `${l.id} ${r.id} ${Math.max(l.at, r.at)}`),
      )
      .sort();

  it("finds every pair that is close enough, in whatever order records come, and keeps nothing when time has gone by", () => {
    const interval = fc
      .record({
        before: fc.integer({ min: -10, max: 20 }),
        width: fc.integer({ min: 0, max: 30 }),
        exclusive: fc.constantFrom("before" as const, "after" as const, "both" as const, undefined),
      })
      .map(({ before, width, exclusive }) => ({
        before: millis(before),
        after: millis(width - before),
        ...(exclusive === undefined ? {} : { exclusive }),
      }));
    fc.assert(
      fc.property(arbitraryEvents, interval, fc.integer({ min: 0, max: 40 }), (events, within, restartAt) => {
        let test = joining(within);
        const found: string[] = [];
        events.forEach((event, i) => {
          if (i === restartAt) {
            found.push(...test.read("joined").map(({ value }) => value));
            test = joining(within, test.snapshot());
          }
          test.element(event.side, event, { timestamp: event.at });
        });
        found.push(...test.read("joined").map(({ value }) => value));
        const lower = -within.before + (within.exclusive === "before" || within.exclusive === "both" ? 1 : 0);
        const upper = within.after - (within.exclusive === "after" || within.exclusive === "both" ? 1 : 0);
        expect(found.sort()).toEqual(expected(events, lower, upper));
        test.watermark(1000);
        expect(test.snapshot().length).toBe(joining(within).snapshot().length);
      }),
    );
  });

  it("joins nothing with what is behind the watermark, and tells the sides apart", () => {
    const test = joining({ before: millis(5), after: millis(5) });
    test.element("left", { key: "a", at: 10, id: "l1" }, { timestamp: 10 });
    test.watermark(12);
    test.element("right", { key: "a", at: 11, id: "r1" }, { timestamp: 11 });
    test.element("right", { key: "a", at: 12, id: "r2" }, { timestamp: 12 });
    test.element("left", { key: "a", at: 8, id: "l2" }, { timestamp: 8 });
    expect(test.read("joined").map(({ key, value, timestamp }) => [key, value, timestamp])).toEqual([["a", "l1 r2 12", 12]]);
    expect(test.read("lateRight").map(({ value, timestamp }) => [value.id, timestamp])).toEqual([["r1", 11]]);
    expect(test.read("lateLeft").map(({ value }) => value.id)).toEqual(["l2"]);
  });

  it("may have no end", () => {
    const test = joining({ before: forever, after: millis(0) });
    test.element("right", { key: "a", at: -1e9, id: "r" }, { timestamp: -1e9 });
    test.watermark(0);
    test.element("left", { key: "a", at: 1e9, id: "l" }, { timestamp: 1e9 });
    expect(test.read("joined").map(({ value }) => value)).toEqual(["l r 1000000000"]);
  });

  it("refuses an interval in which nothing lies, and records without a time", () => {
    expect(() => joining({ before: millis(-5), after: millis(4) })).toThrow(
      "Step 'join' joins records from -5 ms before to 4 ms after the left one, which are none",
    );
    expect(() => joining({ before: millis(5), after: millis(4) }).element("left", { key: "a", at: 1, id: "l" })).toThrow(
      "Step 'join' cannot join a record without a timestamp: give its source a `timestamp`",
    );
  });
});

describe("a join by windows", () => {
  it("gives all pairs of a window, and both sides at once where that is asked for, behind a shuffle of each side", () => {
    const windows = { window: tumbling({ size: millis(10) }) };
    fc.assert(
      fc.property(arbitraryEvents, (events) => {
        const test = harness(inputs, ({ left, right }) => {
          const [l, r] = [left.keyBy(({ key }) => key), right.keyBy(({ key }) => key)];
          return {
            pairs: l.join("pairs", r, windows, (one, other, { key, window }) => `${key}${window.start} ${one.id} ${other.id}`),
          };
        });
        const grouped = harness(inputs, ({ left, right }) => ({
          groups: left
            .keyBy(({ key }) => key)
            .coGroup(
              "groups",
              right.keyBy(({ key }) => key),
              windows,
              (ls, rs, { key, window }) => [`${key}${window.start} ${ls.map(({ id }) => id)} ${rs.map(({ id }) => id)}`],
            ),
        }));
        for (const event of events) for (const one of [test, grouped]) one.element(event.side, event, { timestamp: event.at });
        for (const one of [test, grouped]) one.end();
        const panes = [...new Set(events.map(({ key, at }) => `${key}${Math.floor(at / 10) * 10}`))].map((pane) => {
          const of = (side: string) =>
            events.filter((event) => event.side === side && `${event.key}${Math.floor(event.at / 10) * 10}` === pane);
          return { pane, ls: of("left"), rs: of("right") };
        });
        expect(
          test
            .read("pairs")
            .map(({ value }) => value)
            .sort(),
        ).toEqual(panes.flatMap(({ pane, ls, rs }) => ls.flatMap((l) => rs.map((r) => `${pane} ${l.id} ${r.id}`))).sort());
        expect(
          grouped
            .read("groups")
            .map(({ value }) => value)
            .sort(),
        ).toEqual(panes.map(({ pane, ls, rs }) => `${pane} ${ls.map(({ id }) => id)} ${rs.map(({ id }) => id)}`).sort());
      }),
    );
  });

  it("shows triggers, evictors and gaps of sessions the records of both sides as they are, and late ones by their side", () => {
    const test = harness(inputs, ({ left, right }) => {
      const [l, r] = [left.keyBy(({ key }) => key), right.keyBy(({ key }) => key)];
      const window = session<Event>({ gap: ({ id }) => millis(id === "wide" ? 50 : 10) });
      const groups = l.coGroup(
        "groups",
        r,
        { window, emit: onCount(3), evict: keepLast(2), lateness: millis(5) },
        (ls, rs, { window: { start, end } }) => [[start, end, ls.map(({ id }) => id), rs.map(({ id }) => id)]],
      );
      return { groups, lateLeft: groups.side.lateLeft, lateRight: groups.side.lateRight };
    });
    const say = (side: "left" | "right", id: string, at: number) => test.element(side, { key: "a", at, id }, { timestamp: at });
    say("left", "wide", 100);
    say("right", "r1", 140);
    say("left", "l1", 141);
    expect(test.read("groups").map(({ value }) => value)).toEqual([[100, 151, ["l1"], ["r1"]]]);
    test.watermark(500);
    say("right", "r2", 20);
    say("left", "l2", 20);
    expect(test.read("lateRight").map(({ value }) => value.id)).toEqual(["r2"]);
    expect(test.read("lateLeft").map(({ value }) => value.id)).toEqual(["l2"]);
  });
});

describe("tagged streams", () => {
  it("are one stream, keyed if all of them are, in which each value says where it is from", () => {
    const test = harness({ n: input<number>(), word: input<string>() }, ({ n, word }) => ({
      all: tagged({ n, word }).map((event) => (event.from === "n" ? event.value + 1 : event.value.length)),
      perKey: tagged({ n: n.keyBy(), word: word.keyBy() }).scan("seen", {
        init: () => "",
        add: (so: string, event) => `${so}${event.from}`,
      }),
    }));
    test.element("n", 4, { key: "k" });
    test.element("word", "k", { key: "k" });
    expect(test.read("all").map(({ value }) => value)).toEqual([5, 1]);
    expect(test.read("perKey").map(({ key, value }) => [key, value])).toEqual([
      ["k", "n"],
      ["k", "nword"],
    ]);
    expect(() => tagged({})).toThrow("Cannot tag no streams at all");
  });
});
