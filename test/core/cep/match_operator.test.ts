import { describe, expect, it } from "@jest/globals";
import { matchOperator } from "../../../core/cep/match_operator.ts";
import type { MatchOptions, MatchSettings } from "../../../core/cep/match_options.ts";
import { buildPattern, type PatternStart, type PatternTail } from "../../../core/cep/pattern.ts";
import { millis, minutes, seconds } from "../../../core/duration.ts";
import { columnPrefix, prefixEnd } from "../../../core/state/address.ts";
import { OperatorHarness } from "../../support/operator_harness.ts";

interface Tx {
  readonly id: string;
  readonly amount: number;
}

const operator = <M>(
  pattern: (start: PatternStart<Tx>) => PatternTail<Tx, M>,
  options: MatchOptions<Tx, keyof M> & MatchSettings = {},
): OperatorHarness => new OperatorHarness(matchOperator(buildPattern(pattern), options));

/** A payment under 10 and, strictly next, one over 1000, less than five minutes after. */
const cardTest = ({ begin }: PatternStart<Tx>) =>
  begin("small", (tx) => tx.amount < 10)
    .next("large", (tx) => tx.amount > 1000)
    .within(minutes(5));

const smallThenLarge = ({ begin }: PatternStart<Tx>) =>
  begin("small", (tx) => tx.amount < 10).followedBy("large", (tx) => tx.amount > 1000);

const tx = (id: string, amount: number): Tx => ({ id, amount });

/** Ids of what the matches hold, with their timestamps. */
const found = (harness: OperatorHarness, from = harness.take()): readonly string[] =>
  from.map(
    ({ value, timestamp }) =>
      `${Object.entries(value as Record<string, Tx | readonly Tx[] | undefined>)
        .map(
          ([step, events]) =>
            `${step}=${[events ?? []]
              .flat()
              .map(({ id }) => id)
              .join("+")}`,
        )
        .join(" ")} @${timestamp}`,
  );

/** How many entries of that column are in the store. */
const stored = (harness: OperatorHarness, column: string): number => {
  harness.commit();
  const prefix = columnPrefix(column);
  return [...harness.store.range(prefix, prefixEnd(prefix))].length;
};

describe("match operator", () => {
  it("asks a condition that looks at the event alone once for each event, however many partial matches wait for it", () => {
    const asked: string[] = [];
    const harness = operator(({ begin }) =>
      begin("small", ({ amount }) => amount < 10).followedBy("large", (tx) => {
        asked.push(tx.id);
        return tx.amount > 1000;
      }),
    );
    for (const [i, id] of ["a", "b", "c"].entries()) harness.record("card", tx(id, 5), 1000 + i);
    harness.record("card", tx("d", 2000), 2000);
    harness.watermark(2000);
    expect(harness.take()).toHaveLength(3);
    expect(asked).toEqual(["b", "c", "d"]);
  });

  it("finds a match when the watermark has passed its last event, and gives it that event's timestamp and key", () => {
    const harness = operator(cardTest);
    harness.record("card", tx("a", 5), 1000);
    harness.record("card", tx("b", 2000), 3000);
    harness.watermark(2999);
    expect(harness.take()).toEqual([]);
    harness.watermark(3000);
    expect(harness.take()).toEqual([{ key: "card", timestamp: 3000, value: { small: tx("a", 5), large: tx("b", 2000) } }]);
  });

  it("keeps the keys apart", () => {
    const harness = operator(cardTest);
    harness.record("one", tx("a", 5), 1000);
    harness.record("two", tx("b", 2000), 2000);
    harness.record("one", tx("c", 500), 3000);
    harness.watermark(10_000);
    expect(harness.take()).toEqual([]);
  });

  it("looks at the events in the order of their timestamps, however they arrive", () => {
    const harness = operator(cardTest);
    harness.record("card", tx("b", 2000), 3000);
    harness.record("card", tx("a", 5), 1000);
    harness.watermark(5000);
    expect(found(harness)).toEqual(["small=a large=b @3000"]);
  });

  it("looks at events with equal timestamps in the order of their arrival, or as it is told", () => {
    const events = [tx("b", 2000), tx("a", 5), tx("c", 3000), tx("d", 7)];
    const inOrderOf = (options: MatchOptions<Tx, "small" | "large">) => {
      const harness = operator(cardTest, options);
      for (const event of events) harness.record("card", event, 1000);
      harness.watermark(1000);
      return found(harness);
    };
    expect(inOrderOf({})).toEqual(["small=a large=c @1000"]);
    expect(inOrderOf({ order: (a, b) => a.id.localeCompare(b.id) })).toEqual(["small=a large=b @1000"]);
    expect(inOrderOf({ order: (a, b) => b.id.localeCompare(a.id) })).toEqual(["small=d large=c @1000"]);
  });

  it("holds any number of events of one timestamp, across commits and restarts", () => {
    const harness = operator(
      ({ begin }) =>
        begin("all", (event, { all }) => event.amount === (all.at(-1)?.amount ?? -1) + 1)
          .times({ min: 1 }, { consecutive: true, greedy: true })
          .followedBy("end", ({ id }) => id === "end"),
      { skip: "past-last" },
    );
    for (let i = 0; i < 300; i++) {
      harness.record("card", tx(`${i}`, i), 1000);
      if (i % 50 === 0) harness.restart();
    }
    harness.record("card", tx("end", -5), 1001);
    harness.watermark(2000);
    const value = harness.take()[0]!.value as { all: readonly Tx[] };
    expect(value.all.map(({ amount }) => amount)).toEqual(Array.from({ length: 300 }, (_, i) => i));
  });

  it("sends an event that the watermark has already passed to the side, and counts it", () => {
    const harness = operator(cardTest);
    harness.watermark(1000);
    harness.record("card", tx("late", 5), 1000);
    harness.record("card", tx("b", 2000), 1001);
    harness.watermark(2000);
    expect(harness.side("late")).toEqual([{ key: "card", timestamp: 1000, value: tx("late", 5) }]);
    expect(harness.counters.get("late_records")).toBe(1);
    expect(harness.take()).toEqual([]);
  });

  it("drops and counts records without key, unless null is a key", () => {
    const strict = operator(cardTest);
    const single = operator(cardTest, { nullKey: true });
    for (const harness of [strict, single]) {
      harness.record(null, tx("a", 5), 1000);
      harness.record(null, tx("b", 2000), 1001);
      harness.watermark(2000);
    }
    expect(found(strict)).toEqual([]);
    expect(strict.counters.get("dropped_null_key")).toBe(2);
    expect(found(single)).toEqual(["small=a large=b @1001"]);
  });

  it("ends a partial match at exactly its time, and says so on the side with that time", () => {
    const harness = operator(({ begin }) =>
      begin("small", (event) => event.amount < 10)
        .followedBy("large", (event) => event.amount > 1000)
        .within(seconds(10)),
    );
    harness.record("in time", tx("a", 5), 0);
    harness.record("in time", tx("b", 2000), 9999);
    harness.record("too late", tx("c", 5), 0);
    harness.record("too late", tx("d", 2000), 10_000);
    harness.watermark(9999);
    expect(found(harness)).toEqual(["small=a large=b @9999"]);
    expect(harness.side("timedOut")).toEqual([]);
    harness.watermark(20_000);
    expect(found(harness)).toEqual([]);
    expect(harness.side("timedOut")).toEqual([{ key: "too late", timestamp: 10_000, value: { small: tx("c", 5) } }]);
  });

  it("shows a condition what the partial match has taken", () => {
    const harness = operator(
      ({ begin }) =>
        begin("rise", (event, { rise }) => rise.length === 0 || event.amount > rise.at(-1)!.amount)
          .oneOrMore({ consecutive: true })
          .next("fall", (event, { rise }) => rise.length > 1 && event.amount < rise[0]!.amount),
      { skip: "past-last" },
    );
    [3, 4, 6, 2, 7].forEach((amount, i) => {
      harness.record("card", tx(`${amount}`, amount), i);
    });
    harness.watermark(10);
    expect(found(harness)).toEqual(["rise=3+4+6 fall=2 @3"]);
  });

  it("keeps an event once, however many partial matches have it", () => {
    const harness = operator(({ begin }) =>
      begin("a", ({ amount }) => amount === 1)
        .followedBy("b", ({ amount }) => amount === 2)
        .followedBy("c", ({ amount }) => amount === 3),
    );
    for (let i = 0; i < 10; i++) harness.record("k", tx(`a${i}`, 1), i);
    harness.record("k", tx("b", 2), 20);
    harness.watermark(50);
    expect(stored(harness, "c:events")).toBe(11);
    expect(stored(harness, "c:nodes")).toBe(11);
    harness.record("k", tx("c", 3), 60);
    harness.watermark(60);
    expect(harness.take()).toHaveLength(10);
    harness.commit();
    expect(harness.store.approximateEntries).toBe(0);
  });

  it("stores nothing for events that begin no match, and nothing of a match that is over", () => {
    const harness = operator(cardTest);
    harness.record("k", tx("x", 500), 1000);
    harness.record("k", tx("a", 5), 2000);
    harness.watermark(1500);
    harness.commit();
    // The small payment waits, with its timer.
    expect(harness.store.approximateEntries).toBe(2);
    harness.watermark(2000);
    harness.commit();
    // It is taken: the event, how it was taken, the run, and the timer at which the run ends.
    expect(harness.store.approximateEntries).toBe(4);
    harness.record("k", tx("y", 500), 3000);
    harness.watermark(3000);
    harness.commit();
    expect(harness.store.approximateEntries).toBe(0);
  });

  it("loses no timer when an event waits at the time at which a partial match would have ended", () => {
    const harness = operator(({ begin }) =>
      begin("a", ({ amount }) => amount === 1)
        .followedBy("b", ({ amount }) => amount === 2)
        .within(seconds(10)),
    );
    harness.record("k", tx("a", 1), 0);
    harness.watermark(0);
    // Waits where the partial match of a ends; then that is complete, and its timer goes.
    harness.record("k", tx("c", 1), 10_000);
    harness.record("k", tx("b", 2), 5000);
    harness.watermark(5000);
    expect(found(harness)).toEqual(["a=a b=b @5000"]);
    harness.record("k", tx("d", 2), 10_001);
    harness.watermark(10_001);
    expect(found(harness)).toEqual(["a=c b=d @10001"]);
  });

  it("lets a match wait until no earlier one is open, when matches may end others", () => {
    const pattern = ({ begin }: PatternStart<Tx>) =>
      begin("a", ({ amount }) => amount < 10)
        .followedBy("b", (event, { a }) => event.amount === a.amount * 100)
        .within(seconds(10));
    const harness = operator(pattern, { skip: "past-last" });
    harness.record("k", tx("early", 7), 0);
    harness.record("k", tx("a", 3), 1000);
    harness.record("k", tx("b", 300), 2000);
    harness.watermark(2000);
    expect(found(harness)).toEqual([]);
    // The earlier one ends by time, which the watermark says.
    harness.watermark(12_345);
    expect(found(harness)).toEqual(["a=a b=b @12345"]);
    harness.commit();
    expect(harness.store.approximateEntries).toBe(0);
  });

  it("gives a match that the end of the input sets free the end of all time", () => {
    const harness = operator(({ begin }) =>
      begin("a", ({ amount }) => amount === 1)
        .notFollowedBy("b", ({ amount }) => amount === 2)
        .within(seconds(10)),
    );
    harness.record("k", tx("a", 1), 1000);
    harness.record("k", tx("x", 5), 2000);
    harness.watermark(Number.POSITIVE_INFINITY);
    expect(found(harness)).toEqual(["a=a @Infinity"]);
  });

  it("does not complete a match by time where a loop might have gone on", () => {
    const harness = operator(
      ({ begin }) =>
        begin("a", ({ amount }) => amount === 1)
          .oneOrMore({ greedy: true })
          .notFollowedBy("b", ({ amount }) => amount === 2)
          .within(seconds(10)),
      { skip: "past-last" },
    );
    harness.record("k", tx("a", 1), 1000);
    harness.watermark(30_000);
    expect(found(harness)).toEqual([]);
    expect(harness.side("timedOut")).toEqual([{ key: "k", timestamp: 11_000, value: { a: [tx("a", 1)] } }]);
  });

  it("takes events as they come in processing time", () => {
    const harness = operator(
      ({ begin }) =>
        begin("small", (event) => event.amount < 10)
          .followedBy("large", (event) => event.amount > 1000)
          .within(seconds(10)),
      { time: "processing" },
    );
    harness.processingTime(1000);
    harness.record("k", tx("a", 5), 99);
    harness.processingTime(4000);
    harness.record("k", tx("b", 2000), 3);
    expect(found(harness)).toEqual(["small=a large=b @4000"]);
    harness.record("k", tx("c", 5), 3);
    // The timer of the first one is still there, and finds nothing.
    harness.processingTime(12_000);
    harness.processingTime(14_000);
    expect(harness.side("timedOut")).toEqual([]);
    // A millisecond is over when the next one begins.
    harness.processingTime(14_001);
    expect(harness.side("timedOut")).toEqual([{ key: "k", timestamp: 14_000, value: { small: tx("c", 5) } }]);
    harness.commit();
    expect(harness.store.approximateEntries).toBe(0);
  });

  it("puts the events of one millisecond in order in processing time too", () => {
    const harness = operator(smallThenLarge, { time: "processing", order: (a, b) => a.id.localeCompare(b.id) });
    harness.processingTime(1000);
    harness.record("k", tx("b", 2000), 0);
    harness.record("k", tx("a", 5), 0);
    expect(found(harness)).toEqual([]);
    harness.processingTime(1001);
    expect(found(harness)).toEqual(["small=a large=b @1000"]);
  });

  it("tells events of one millisecond apart when they are taken one at a time", () => {
    const harness = operator(smallThenLarge, { time: "processing", skip: "past-last" });
    harness.processingTime(1000);
    for (const [id, amount] of [
      ["a", 5],
      ["b", 6],
      ["c", 2000],
      ["d", 7],
      ["e", 3000],
    ] as const)
      harness.record("k", tx(id, amount), 0);
    expect(found(harness)).toEqual(["small=a large=c @1000", "small=d large=e @1000"]);
    harness.commit();
    expect(harness.store.approximateEntries).toBe(0);
  });

  it("skips to a step only when the match has it, and fails when it has to", () => {
    const pattern = ({ begin }: PatternStart<Tx>) =>
      begin("a", ({ amount }) => amount === 1)
        .followedBy("b", ({ amount }) => amount === 2)
        .optional()
        .followedBy("c", ({ amount }) => amount === 3);
    const play = (options: MatchOptions<Tx, "a" | "b" | "c">) => {
      const harness = operator(pattern, options);
      harness.record("k", tx("a", 1), 1);
      harness.record("k", tx("c", 3), 2);
      harness.watermark(2);
      return found(harness);
    };
    expect(play({ skip: { toLast: "b" } })).toEqual(["a=a b= c=c @2"]);
    expect(() => play({ skip: { toLast: "b", orFail: true } })).toThrow("Cannot skip to 'b', as the match has no such event");
    expect(() => play({ skip: { toFirst: "a", orFail: true } })).toThrow("Cannot skip to 'a', as the match begins with that event");
  });

  it("takes events that a restored task reads again behind later ones", () => {
    const harness = operator(smallThenLarge);
    harness.record("k", tx("a", 5), 1000);
    harness.watermark(5000);
    // The watermark begins anew, and what was late is not.
    harness.commit();
    harness.abort();
    harness.watermark(Number.NEGATIVE_INFINITY);
    harness.record("k", tx("b", 6), 1000);
    harness.record("k", tx("c", 7), 500);
    harness.watermark(1000);
    harness.record("k", tx("d", 2000), 6000);
    harness.watermark(6000);
    expect([...found(harness)].sort()).toEqual(["small=a large=d @6000", "small=b large=d @6000", "small=c large=d @6000"]);
    harness.commit();
    expect(harness.store.approximateEntries).toBe(0);
  });

  it("lets go of the events of a timer that is left out, and of the runs that end with it", () => {
    const picky = ({ begin }: PatternStart<Tx>) =>
      begin("small", (tx) => tx.amount < 10)
        .followedBy("large", (tx) => {
          if (tx.id === "bad") throw new Error("No");
          return tx.amount > 1000;
        })
        .within(millis(100));
    const harness = operator(picky);
    harness.skipFailing();
    harness.record("k", tx("a", 5), 1000);
    harness.record("k", tx("bad", 2000), 1010);
    harness.record("k", tx("bad", 3000), 1010);
    harness.record("k", tx("b", 4000), 1020);
    harness.commit();
    harness.watermark(1015);
    expect(found(harness)).toEqual([]);
    expect(stored(harness, "c:arrivals")).toBe(1);
    harness.watermark(1020);
    expect(found(harness)).toEqual(["small=a large=b @1020"]);
    // The run of "a" would wait for more, but for the time it has; the event at that very moment fails.
    harness.record("k", tx("bad", 5000), 1100);
    harness.watermark(2000);
    expect(found(harness)).toEqual([]);
    harness.commit();
    expect(harness.store.approximateEntries).toBe(0);
  });
});
