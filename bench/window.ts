// CPU per record of the window operator alone: `node bench/window.ts`, one JSON line per case. Records of 1,000 keys, 10 ms apart and up to 5 s out of order, a watermark every 1,000 records, a commit every 100,000.
import { minutes, seconds } from "../core/duration.ts";
import type { OperatorFactory } from "../core/runtime/operator.ts";
import { count } from "../core/window/aggregator.ts";
import { session } from "../core/window/session.ts";
import { sliding } from "../core/window/sliding.ts";
import { tumbling } from "../core/window/tumbling.ts";
import { windowOperator } from "../core/window/window_operator.ts";
import { OperatorHarness } from "../test/support/operator_harness.ts";

const records = Number(process.env["RECORDS"] ?? 1_000_000);
const outOfOrderMs = 5000;
const keys = Array.from({ length: 1000 }, (_, i) => `account-${i}`);

const cases: readonly { readonly name: string; readonly panes: number; readonly records?: number; readonly factory: OperatorFactory }[] = [
  {
    name: "tumbling 5 min, count",
    panes: 1,
    factory: windowOperator({ assigner: tumbling({ size: minutes(5) }), contents: { kind: "aggregate", aggregator: count() } }),
  },
  {
    name: "tumbling 10 s, count",
    panes: 1,
    factory: windowOperator({ assigner: tumbling({ size: seconds(10) }), contents: { kind: "aggregate", aggregator: count() } }),
  },
  {
    name: "tumbling 5 min, count, lateness 1 min",
    panes: 1,
    factory: windowOperator({
      assigner: tumbling({ size: minutes(5) }),
      latenessMs: minutes(1),
      contents: { kind: "aggregate", aggregator: count() },
    }),
  },
  {
    name: "sliding 30/5 min, count",
    panes: 6,
    factory: windowOperator({
      assigner: sliding({ size: minutes(30), every: minutes(5) }),
      contents: { kind: "aggregate", aggregator: count() },
    }),
  },
  {
    name: "sliding 30/5 min, process",
    panes: 6,
    records: records / 4,
    factory: windowOperator({
      assigner: sliding({ size: minutes(30), every: minutes(5) }),
      contents: {
        kind: "process",
        process: (values, { key }) =>
          values.length < 3 ? [] : [{ key, total: values.reduce((sum: number, { amount }) => sum + amount, 0) }],
      },
    }),
  },
  {
    name: "session 30 s, count",
    panes: 1,
    factory: windowOperator({ assigner: session({ gap: seconds(30) }), contents: { kind: "aggregate", aggregator: count() } }),
  },
  {
    name: "session 5 s, count",
    panes: 1,
    factory: windowOperator({ assigner: session({ gap: seconds(5) }), contents: { kind: "aggregate", aggregator: count() } }),
  },
];

const measure = (
  factory: OperatorFactory,
  n: number,
): { readonly cpuMicros: number; readonly results: number; readonly changelog: number } => {
  const harness = new OperatorHarness(factory);
  // A linear congruential generator: the same records in every run.
  let seed = 42;
  const random = (): number => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  let results = 0;
  let changelog = 0;
  const before = process.cpuUsage();
  for (let i = 0; i < n; i++) {
    const now = 1_700_000_000_000 + i * 10;
    harness.record(keys[Math.floor(random() * keys.length)], { amount: i }, now - Math.floor(random() * outOfOrderMs));
    if (i % 1000 === 999) {
      harness.watermark(now - outOfOrderMs - 1);
      results += harness.take().length;
    }
    if (i % 100_000 === 99_999) {
      harness.commit();
      harness.state.evict(1_000_000);
      changelog += harness.changelog.length;
      harness.changelog.length = 0;
    }
  }
  harness.watermark(Number.POSITIVE_INFINITY);
  results += harness.take().length;
  const { user, system } = process.cpuUsage(before);
  return { cpuMicros: user + system, results, changelog };
};

const only = process.argv[2];
for (const { name, panes, factory, records: n = records } of cases) {
  if (only !== undefined && !name.includes(only)) continue;
  measure(factory, n / 10);
  const { cpuMicros, results, changelog } = measure(factory, n);
  const perRecord = cpuMicros / n;
  console.log(
    JSON.stringify({
      case: name,
      records: n,
      results,
      changelog,
      microsPerRecord: Number(perRecord.toFixed(3)),
      microsPerPane: Number((perRecord / panes).toFixed(3)),
    }),
  );
}
