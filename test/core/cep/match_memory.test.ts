import { describe, expect, it } from "@jest/globals";
import { matchOperator } from "../../../core/cep/match_operator.ts";
import { buildPattern, type PatternStart, type PatternTail } from "../../../core/cep/pattern.ts";
import { millis } from "../../../core/duration.ts";
import { OperatorHarness } from "../../support/operator_harness.ts";

interface Tick {
  readonly n: number;
  readonly kind: "rise" | "end" | "noise";
  /** As large as a record of some fields. */
  readonly note: string;
}

const events = 100_000;
const stretch = 5000;

/** What the store holds after each stretch of a hundred thousand events of one key, one a millisecond. */
const held = (
  write: (start: PatternStart<Tick>) => PatternTail<Tick, unknown>,
  options: { readonly skip?: "past-last" },
): { readonly entries: number; readonly bytes: number; readonly matches: number } => {
  const harness = new OperatorHarness(matchOperator(buildPattern(write), options));
  let entries = 0;
  let bytes = 0;
  let matches = 0;
  const note = "x".repeat(80);
  for (let n = 1; n <= events; n++) {
    harness.record("k", { n, kind: n % 50 === 0 ? "end" : n % 3 === 0 ? "noise" : "rise", note } satisfies Tick, n);
    harness.watermark(n);
    matches += harness.take().length;
    // Just before an end, when the most partial matches are open.
    if (n % stretch !== stretch - 1) continue;
    harness.commit();
    entries = Math.max(entries, harness.store.approximateEntries);
    let now = 0;
    for (const [key, value] of harness.store.range(new Uint8Array(), Uint8Array.of(255, 255))) now += key.length + value.length;
    bytes = Math.max(bytes, now);
  }
  harness.watermark(events + 1000);
  harness.commit();
  expect(harness.store.approximateEntries).toBe(0);
  return { entries, bytes, matches };
};

const rising =
  (withinMs: number) =>
  ({ begin }: PatternStart<Tick>): PatternTail<Tick, unknown> =>
    begin("rise", ({ kind }) => kind === "rise")
      .oneOrMore()
      .next("end", ({ kind }) => kind === "end")
      .within(millis(withinMs));

describe("the store of a hundred thousand events and a loop", () => {
  it("holds the events of the pattern's time once, whatever number of partial matches they are in", () => {
    // At most so many events are less than the pattern's time old and fit the loop: each begins a partial match of its own, and all later ones are in it too.
    const [withinMs, open] = [12, 8];
    const { entries, bytes, matches } = held(rising(withinMs), {});
    expect(matches).toBeGreaterThan(events / 50);
    // An event and how it was taken, the runs and a timer.
    expect(entries).toBeLessThanOrEqual(2 * open + 2);
    // An event has some 140 bytes. Each has an edge for each partial match that was begun before it, which has two bytes for each event before it, and so has each run.
    expect(bytes).toBeLessThanOrEqual(open * 200 + open * open * (open + 20));
  });

  it("holds next to nothing when each match ends what overlaps it", () => {
    const { entries, bytes, matches } = held(
      ({ begin }) =>
        begin("rise", ({ kind }) => kind === "rise")
          .oneOrMore({ greedy: true, consecutive: true })
          .next("other", ({ kind }) => kind !== "rise"),
      { skip: "past-last" },
    );
    expect(matches).toBeGreaterThan(events / 4);
    expect(entries).toBeLessThanOrEqual(6);
    expect(bytes).toBeLessThanOrEqual(1500);
  });
});
