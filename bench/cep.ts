import { matchOperator } from "../core/cep/match_operator.ts";
import { buildPattern, type PatternStart, type PatternTail } from "../core/cep/pattern.ts";
import { millis } from "../core/duration.ts";
import { OperatorHarness } from "../test/support/operator_harness.ts";
import type { BenchCase, Measured } from "./bench_case.ts";
import { meter } from "./meter.ts";

interface Tick {
  readonly kind: "rise" | "end";
}

const keys = 10;
const ticksPerEnd = 100;

type Write = (start: PatternStart<Tick>) => PatternTail<Tick, unknown>;

/** The operator alone: each key has a tick a millisecond, and every tick begins a partial match which is open for so many of them. A watermark comes every 1,000 events, a commit every 100,000. */
const measure = (write: Write, events: number): Measured => {
  const harness = new OperatorHarness(matchOperator(buildPattern(write)));
  let matches = 0;
  const measuring = meter();
  for (let i = 0; i < events; i++) {
    const now = 1 + Math.floor(i / keys);
    harness.record(`key-${i % keys}`, { kind: now % ticksPerEnd === 0 ? "end" : "rise" }, now);
    if (i % 1_000 === 999) {
      harness.watermark(now - 1);
      matches += harness.take().length;
      harness.side("timedOut").length = 0;
    }
    if (i % 100_000 === 99_999) {
      harness.commit();
      harness.changelog.length = 0;
    }
  }
  harness.watermark(Number.POSITIVE_INFINITY);
  matches += harness.take().length;
  if (matches === 0) throw new Error("No pattern was found: the operator measured did nothing");
  return { ...measuring.read(events), matches };
};

const patterns: Readonly<Record<string, (withinMs: number) => Write>> = {
  "each a loop over all that follows":
    (withinMs) =>
    ({ begin }) =>
      begin("rise", ({ kind }) => kind === "rise")
        .oneOrMore()
        .next("end", ({ kind }) => kind === "end")
        .within(millis(withinMs)),
  "each waiting for its end":
    (withinMs) =>
    ({ begin }) =>
      begin("rise", ({ kind }) => kind === "rise")
        .followedBy("end", ({ kind }) => kind === "end")
        .within(millis(withinMs)),
};

export const cases: readonly BenchCase[] = Object.entries(patterns).flatMap(([which, pattern]) =>
  [1, 5, 20, 80].map((open) => ({
    name: `pattern, ${open} partial matches at a time, ${which}`,
    about: { partialMatches: open },
    run: async ({ share }) => measure(pattern(open + 1), share(open > 20 ? 20_000 : 100_000)),
  })),
);
