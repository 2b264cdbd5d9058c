import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { matchOperator } from "../../../core/cep/match_operator.ts";
import type { MatchOptions } from "../../../core/cep/match_options.ts";
import { type Emitted, OperatorHarness } from "../../support/operator_harness.ts";
import { clearSketches, fullSketches, linearSketches, plainSketches, someEvents } from "./arbitrary_sketches.ts";
import { naiveMatches } from "./naive_matches.ts";
import { builtSketch, type Seen, type Sketch, shownMatch } from "./sketch.ts";

const numRuns = 300;
const end = 1_000_000;

type Options = MatchOptions<Seen, string>;

type Skip = NonNullable<Options["skip"]>;

const harnessOf = (sketch: Sketch, skip: Skip | number = "none", order?: Options["order"]): OperatorHarness => {
  const pattern = builtSketch(sketch);
  const { items, steps } = pattern.spec;
  const names = items.flatMap((item) => (item.kind === "take" ? steps[item.step]!.name : []));
  // A number stands for one of the steps that the pattern has outside of its groups, and for its first or last event.
  const named = (n: number): Skip => {
    const name = names[(n >> 1) % names.length];
    return name === undefined ? "past-last" : n % 2 === 0 ? { toFirst: name } : { toLast: name };
  };
  return new OperatorHarness(
    matchOperator(pattern, { skip: typeof skip === "number" ? named(skip) : skip, ...(order === undefined ? {} : { order }) }),
  );
};

const shown = (emitted: readonly Emitted[]): readonly string[] =>
  emitted.map(({ value, key, timestamp }) => `${key} @${timestamp} ${shownMatch(value)}`);

/** All that has come out since the last call, late events included. */
const taken = (harness: OperatorHarness): readonly string[] => [
  ...shown(harness.take()),
  ...shown(harness.side("timedOut").splice(0)).map((partial) => `timed out: ${partial}`),
  ...harness
    .side("late")
    .splice(0)
    .map(({ value }) => `late: ${(value as Seen).n}`),
];

const inOrder = (harness: OperatorHarness, events: readonly Seen[]): readonly string[] => {
  for (const event of events) {
    harness.record("k", event, event.time);
    harness.watermark(event.time - 1);
  }
  harness.watermark(end);
  return harness.take().map(({ value }) => shownMatch(value));
};

const skips: fc.Arbitrary<Skip | number> = fc.oneof(fc.constantFrom<Skip>("none", "to-next", "past-last"), fc.nat(9));

describe("match operator finds what a search through all possibilities finds", () => {
  for (const [name, sketches] of [
    ["steps that follow each other", plainSketches],
    ["optional steps, loops, groups and what must not come", clearSketches],
  ] as const)
    it(`in patterns of ${name}`, () => {
      fc.assert(
        fc.property(sketches, someEvents(10), (sketch, events) => {
          expect([...inOrder(harnessOf(sketch), events)].sort()).toEqual(naiveMatches(sketch, events));
        }),
        { numRuns },
      );
    });
});

describe("match operator gives out, after each match", () => {
  // Every event begins at most one match in these patterns, and time ends all that is open: so what is given out follows from the matches alone, one start after the other.
  const sketches = linearSketches.map(({ items, withinMs }) => ({ items, withinMs: withinMs ?? 8 }));
  const remaining = (
    matches: readonly string[],
    firstStart: (match: readonly (readonly [string, number])[]) => number,
  ): readonly string[] => {
    let from = 0;
    return matches
      .map((match) => ({
        match,
        events: match.split(" ").map((part): readonly [string, number] => [part.split(":")[0]!, Number(part.split(":")[1])]),
      }))
      .sort((a, b) => a.events[0]![1] - b.events[0]![1])
      .flatMap(({ match, events }) => {
        if (events[0]![1] < from) return [];
        from = Math.max(from, firstStart(events));
        return [match];
      });
  };

  for (const [name, skip, firstStart] of [
    ["only those that begin behind its last event, when it skips past that", "past-last", (events) => events.at(-1)![1] + 1],
    ["only those that begin behind its first event, when it skips to the next", "to-next", (events) => events[0]![1] + 1],
    ["only those that begin with its last event or behind, when it skips to the last step", "to-last", (events) => events.at(-1)![1]],
  ] as const satisfies readonly (readonly [string, string, (events: readonly (readonly [string, number])[]) => number])[])
    it(name, () => {
      fc.assert(
        fc.property(sketches, someEvents(12), (sketch, events) => {
          const last = `s${sketch.items.length - 1}`;
          const given = inOrder(harnessOf(sketch, skip === "to-last" ? { toLast: last } : skip), events);
          expect(given).toEqual(remaining(naiveMatches(sketch, events), firstStart));
        }),
        { numRuns },
      );
    });
});

describe("match operator keeps the same results", () => {
  /** What is done to the operator, one after the other: events of two keys in any order, and watermarks that only rise. */
  const inputs = fc.tuple(someEvents(12), fc.array(fc.tuple(fc.nat(12), fc.nat(3)), { maxLength: 12 })).map(([events, moves]) => {
    const mixed = events.map((event) => event as Seen | number);
    // Some events come later than their place, and a watermark may have passed them by then.
    for (const [from, by] of moves) if (from + by < mixed.length) mixed.splice(from + by, 0, ...mixed.splice(from, 1));
    let watermark = Number.NEGATIVE_INFINITY;
    return mixed.flatMap((event, i) => {
      watermark = Math.max(watermark, (event as Seen).time - 2);
      return i % 2 === 0 ? [event] : [event, watermark];
    });
  });
  const play = (harness: OperatorHarness, input: Seen | number): void => {
    if (typeof input === "number") harness.watermark(input);
    else harness.record(input.n % 3 === 0 ? "l" : "k", input, input.time);
  };
  const order = (a: Seen, b: Seen) => a.n - b.n;

  it("when it is made anew from what was committed, or forgets what the store knows, at any point", () => {
    fc.assert(
      fc.property(fullSketches, skips, inputs, fc.infiniteStream(fc.nat(3)), (sketch, skip, all, chances) => {
        const steady = harnessOf(sketch, skip);
        const restarted = harnessOf(sketch, skip);
        for (const input of [...all, end]) {
          play(steady, input);
          play(restarted, input);
          const chance = chances.next().value;
          if (chance === 0) restarted.restart();
          // What is not in memory comes from the store.
          if (chance === 1) {
            restarted.commit();
            restarted.state.evict(0);
            restarted.state.evict(0);
          }
        }
        expect([...taken(restarted)].sort()).toEqual([...taken(steady)].sort());
      }),
      { numRuns },
    );
  });

  it("when what a record or a watermark did is taken back and done again", () => {
    fc.assert(
      fc.property(fullSketches, skips, inputs, (sketch, skip, all) => {
        const steady = harnessOf(sketch, skip);
        const repeated = harnessOf(sketch, skip);
        const results: string[] = [];
        for (const input of [...all, end]) {
          play(steady, input);
          repeated.state.mark();
          play(repeated, input);
          repeated.state.rollback();
          taken(repeated);
          play(repeated, input);
          results.push(...taken(repeated));
        }
        expect(results.sort()).toEqual([...taken(steady)].sort());
      }),
      { numRuns },
    );
  });

  it("in whichever order the events arrive before the watermark passes them", () => {
    const arrivals = fc.tuple(
      someEvents(12),
      fc.array(fc.nat(3), { minLength: 12, maxLength: 12 }),
      fc.array(fc.nat(), { minLength: 12, maxLength: 12 }),
    );
    fc.assert(
      fc.property(fullSketches, skips, arrivals, (sketch, skip, [events, early, ranks]) => {
        // Watermark i comes behind slot i; an event may come in any slot up to the one whose watermark passes it.
        const watermarks = events.map(({ time }) => time);
        const results = [0, 1].map((attempt) => {
          const harness = harnessOf(sketch, skip, order);
          const slots = events.map((event) => ({
            event,
            slot: Math.max(0, watermarks.indexOf(event.time) - (attempt === 0 ? 0 : early[event.n]!)),
            rank: attempt === 0 ? event.n : ranks[event.n]!,
          }));
          slots.sort((a, b) => a.slot - b.slot || a.rank - b.rank);
          const out: (readonly string[])[] = [];
          watermarks.forEach((watermark, slot) => {
            for (const arrival of slots) if (arrival.slot === slot) play(harness, arrival.event);
            harness.watermark(watermark);
            out.push([...taken(harness)].sort());
          });
          harness.watermark(end);
          return [...out, [...taken(harness)].sort()];
        });
        expect(results[1]).toEqual(results[0]);
      }),
      { numRuns },
    );
  });

  it("and nothing in its store when the time of every partial match is up", () => {
    fc.assert(
      fc.property(fullSketches, skips, inputs, fc.boolean(), ({ items, withinMs }, skip, all, often) => {
        const harness = harnessOf({ items, withinMs: withinMs ?? 8 }, skip);
        for (const input of all) {
          play(harness, input);
          if (often) harness.commit();
        }
        harness.watermark(end);
        harness.commit();
        expect(harness.store.approximateEntries).toBe(0);
      }),
      { numRuns },
    );
  });
});
