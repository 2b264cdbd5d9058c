import { millis, minutes, seconds } from "../core/duration.ts";
import type { OperatorFactory } from "../core/operators/operator.ts";
import { count } from "../core/state/aggregator.ts";
import { onClose, onUpdate } from "../core/window/revision.ts";
import { session } from "../core/window/session.ts";
import { sliding } from "../core/window/sliding.ts";
import { tumbling } from "../core/window/tumbling.ts";
import { windowOperator } from "../core/window/window_operator.ts";
import { OperatorHarness } from "../test/support/operator_harness.ts";
import type { BenchCase, Measured } from "./bench_case.ts";
import { meter } from "./meter.ts";

const outOfOrderMs = 5_000;
const keys = Array.from({ length: 1_000 }, (_, i) => `account-${i}`);

/** The window operator alone: records 10 ms apart and up to 5 s out of order, a watermark every 1,000 records, a commit every 100,000. */
const measure = (factory: OperatorFactory, records: number, keyCount: number = keys.length): Measured => {
  const harness = new OperatorHarness(factory);
  // A linear congruential generator: the same records in every run.
  let seed = 42;
  const random = (): number => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  let results = 0;
  let changelog = 0;
  const measuring = meter();
  for (let i = 0; i < records; i++) {
    const now = 1_700_000_000_000 + i * 10;
    harness.record(keys[Math.floor(random() * keyCount)], { amount: i }, now - Math.floor(random() * outOfOrderMs));
    if (i % 1_000 === 999) {
      harness.watermark(now - outOfOrderMs - 1);
      results += harness.take().length;
    }
    if (i % 100_000 === 99_999) {
      harness.commit();
      harness.state.evict(128 << 20);
      changelog += harness.changelog.length;
      harness.changelog.length = 0;
    }
  }
  harness.watermark(Number.POSITIVE_INFINITY);
  results += harness.take().length;
  if (results === 0) throw new Error("No window spoke: the operator measured did nothing");
  return { ...measuring.read(records), results, changelog };
};

const windowCase = (name: string, panes: number, records: number, factory: OperatorFactory, keyCount?: number): BenchCase => ({
  name,
  about: { panesPerRecord: panes },
  run: async ({ share }) => measure(factory, share(records), keyCount),
});

/** The same windows told more and more often, up to 600 at once: with an accumulator for each part of time, and with one for each window. */
const overlapping = (panes: number): readonly BenchCase[] =>
  (panes === 1 ? [true] : [true, false]).map((anyOrder) =>
    windowCase(
      `window of 10 min, ${panes} at a time, count${anyOrder ? "" : ", each by itself"}`,
      panes,
      panes > 60 && !anyOrder ? 100_000 : 400_000,
      windowOperator({
        assigner: panes === 1 ? tumbling({ size: minutes(10) }) : sliding({ size: minutes(10), every: millis(600_000 / panes) }),
        contents: { kind: "aggregate", aggregator: { ...count(), anyOrder } },
      }),
      60,
    ),
  );

const counted = { kind: "aggregate", aggregator: count() } as const;
const halfHours = sliding({ size: minutes(30), every: minutes(5) });

export const cases: readonly BenchCase[] = [
  ...[1, 6, 60, 600].flatMap(overlapping),
  windowCase("sliding window 30/5 min, count", 6, 1_000_000, windowOperator({ assigner: halfHours, contents: counted })),
  windowCase(
    "sliding window 30/5 min, process",
    6,
    400_000,
    windowOperator({
      assigner: halfHours,
      contents: {
        kind: "process",
        process: (values, { key }) =>
          values.length < 3 ? [] : [{ key, total: values.reduce((sum: number, { amount }) => sum + amount, 0) }],
      },
    }),
  ),
  windowCase("tumbling window 5 min, count", 1, 1_000_000, windowOperator({ assigner: tumbling({ size: minutes(5) }), contents: counted })),
  windowCase("tumbling window 10 s, count", 1, 1_000_000, windowOperator({ assigner: tumbling({ size: seconds(10) }), contents: counted })),
  windowCase(
    "tumbling window 5 min, count, lateness 1 min",
    1,
    1_000_000,
    windowOperator({ assigner: tumbling({ size: minutes(5) }), latenessMs: minutes(1), contents: counted }),
  ),
  windowCase("session window 30 s, count", 1, 1_000_000, windowOperator({ assigner: session({ gap: seconds(30) }), contents: counted })),
  windowCase("session window 5 s, count", 1, 1_000_000, windowOperator({ assigner: session({ gap: seconds(5) }), contents: counted })),
  ...[onUpdate(), onClose()].flatMap((emit) => [
    windowCase(
      `tumbling window 10 s as a table, count, on ${emit.name}`,
      1,
      1_000_000,
      windowOperator({
        assigner: tumbling({ size: seconds(10) }),
        latenessMs: seconds(5),
        contents: counted,
        revision: { emit, cached: true },
      }),
    ),
    windowCase(
      `session window 5 s as a table, count, on ${emit.name}`,
      1,
      400_000,
      windowOperator({ assigner: session({ gap: seconds(5) }), latenessMs: seconds(5), contents: counted, revision: { emit } }),
    ),
  ]),
];
