import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { aggregateTableOperator } from "../../../core/operators/aggregate_table_operator.ts";
import type { OperatorFactory } from "../../../core/operators/operator.ts";
import { tableJoinOperator } from "../../../core/operators/table_join_operator.ts";
import { tableOperator } from "../../../core/operators/table_operator.ts";
import { tableRows } from "../../../core/operators/table_rows.ts";
import { rowsView } from "../../../core/operators/table_view.ts";
import { type Aggregator, count, reducing } from "../../../core/state/aggregator.ts";
import { OperatorHarness } from "../../support/operator_harness.ts";
import { type StreamsVector, vector } from "./vectors.ts";

interface Statistics {
  readonly n: number;
  readonly sum: number;
  readonly min: number | null;
  readonly max: number | null;
}

const statistics: Aggregator<{ readonly amount: number }, Statistics, Statistics> = {
  init: () => ({ n: 0, sum: 0, min: null, max: null }),
  add: ({ n, sum, min, max }, { amount }) => ({
    n: n + 1,
    sum: sum + amount,
    min: min === null ? amount : Math.min(min, amount),
    max: max === null ? amount : Math.max(max, amount),
  }),
};
const sumUnlessMinusOne: Aggregator<number, number | null, number | null> = {
  init: () => 0,
  add: (sum, value) => (value === -1 ? null : sum! + value),
};
const sumUpTo100 = reducing<number | null>((a, b) => (a! + b! > 100 ? null : a! + b!));

const tables: Readonly<Record<string, OperatorFactory>> = {
  "table-out-of-order-v": tableOperator(),
  "stateless-totable-v": tableOperator(),
  "agg-count-v": aggregateTableOperator(count()),
  "agg-reduce-v": aggregateTableOperator(reducing<number>((a, b) => Math.max(a, b))),
  "agg-reduce-null-result-v": aggregateTableOperator(sumUpTo100),
  "agg-aggregate-v": aggregateTableOperator(statistics),
  "agg-aggregate-null-result-v": aggregateTableOperator(sumUnlessMinusOne),
};

/** The join of a stream (port 0) with a table (port 1), which has its rows in the same task. The steps behind are made first, as the runtime does. */
const joined =
  (left: boolean, table: OperatorFactory = tableOperator(), row?: (stored: any) => unknown): OperatorFactory =>
  (context) => {
    const join = tableJoinOperator<unknown, unknown, unknown>({
      left,
      table: { view: rowsView(row), stores: ["rows"] },
      joiner: (l, r, { key }) => ({ k: key, l, r: r ?? null }),
    })(context);
    const rows = table({ ...context, state: context.state, emit: () => {} });
    return { inputs: [join.inputs[0]!, rows.inputs[0]!], open: () => join.open?.() };
  };

/** A count of the stream, which each record of it is then joined with. */
const countedThenJoined: OperatorFactory = (context) => {
  const join = tableJoinOperator<unknown, number, unknown>({
    left: true,
    table: { view: rowsView(undefined), stores: ["rows"] },
    joiner: (v, n) => ({ v, n }),
  })(context);
  const counted = aggregateTableOperator(count())({ ...context, state: context.state, emit: () => {} });
  const both = (value: unknown, record: Parameters<(typeof join.inputs)[0]>[1]) => {
    counted.inputs[0]!(value, record);
    join.inputs[0]!(value, record);
  };
  return { inputs: [both], open: () => join.open?.() };
};

const joins: Readonly<Record<string, OperatorFactory>> = {
  "stjoin-inner-v": joined(false),
  "stjoin-left-v": joined(true),
  "stjoin-headers-v": joined(true),
  "stjoin-agg-table-v": countedThenJoined,
};

const play = ({ inputs, expected }: StreamsVector, factory: OperatorFactory, restarting: boolean) => {
  const harness = new OperatorHarness(factory);
  const out: unknown[] = [];
  let dropped = 0;
  inputs.forEach(({ topic, key, value, timestamp }, i) => {
    harness.record(key, value, timestamp, topic === "right" ? 1 : 0);
    for (const emitted of harness.take()) out.push({ key: emitted.key, value: emitted.value, timestamp: emitted.timestamp, i });
    if (restarting) {
      harness.commit();
      harness.abort();
    }
  });
  for (const n of harness.counters.values()) dropped += n;
  expect(out).toEqual(expected.out.map(({ key, value, timestamp, i }) => ({ key, value, timestamp, i })));
  return { harness, dropped };
};

describe("table operators", () => {
  for (const restarting of [false, true])
    for (const [name, factory] of [...Object.entries(tables), ...Object.entries(joins)])
      it(`do what Kafka Streams does in ${name}${restarting ? ", starting anew after every record" : ""}`, async () => {
        const scenario = await vector<StreamsVector>(name);
        const { harness, dropped } = play(scenario, factory, restarting);
        expect(dropped).toBe(scenario.metrics.droppedRecords);
        const [store] = Object.values(scenario.stores ?? {});
        if (store === undefined) return;
        harness.commit();
        const rows = [...tableRows<unknown>(harness.state).all()].map(([key, { at, value }]) => ({ key, value, timestamp: at }));
        expect(rows.sort((a, b) => (String(a.key) < String(b.key) ? -1 : 1))).toEqual(store.entries);
      });

  it("hide a row whose result is null, while the accumulator lives on", () => {
    const atLeastTwo: Aggregator<string, number, number | null> = { init: () => 0, add: (n) => n + 1, result: (n) => (n < 2 ? null : n) };
    const harness = new OperatorHarness(joined(true, aggregateTableOperator(atLeastTwo), atLeastTwo.result));
    for (const n of [1, 2, 3]) {
      harness.record("a", "x", n, 1);
      harness.record("a", n, 10 * n);
    }
    expect(harness.take().map(({ value }) => value)).toEqual([1, 2, 3].map((l) => ({ k: "a", l, r: l < 2 ? null : l })));
    const alone = new OperatorHarness(aggregateTableOperator(atLeastTwo));
    for (const n of [1, 2, 3]) alone.record("a", "x", n);
    expect(alone.take().map(({ value }) => value)).toEqual([null, 2, 3]);
  });

  it("keep headers and place of the record that made the row", () => {
    const seen: unknown[] = [];
    const watched: OperatorFactory = (context) =>
      aggregateTableOperator(count())({
        ...context,
        state: context.state,
        emit: (value, record) => seen.push([value, record.timestamp, record.topic, record.offset]),
      });
    const harness = new OperatorHarness(watched);
    harness.record("a", "x", 20);
    harness.record("a", "y", 10);
    expect(seen).toEqual([
      [1, 20, "input", 0],
      [2, 20, "input", 1],
    ]);
  });

  it("count as a plain Map does, whatever is committed, aborted and started anew in between", () => {
    const command = fc.oneof(
      fc.record({
        kind: fc.constant("record" as const),
        key: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constantFrom("0", 1n, true)),
        timestamp: fc.integer({ min: 0, max: 100 }),
      }),
      fc.record({ kind: fc.constantFrom("commit" as const, "abort" as const) }),
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 50 }), (commands) => {
        const harness = new OperatorHarness(aggregateTableOperator(count()));
        const nameOf = (key: unknown) => `${typeof key} ${String(key)}`;
        let open = new Map<string, readonly [number, number]>();
        let committed: typeof open = new Map();
        for (const c of commands) {
          if (c.kind === "record") {
            const before = open.get(nameOf(c.key)) ?? [0, c.timestamp];
            const row = [before[0] + 1, Math.max(before[1], c.timestamp)] as const;
            open.set(nameOf(c.key), row);
            harness.record(c.key, "x", c.timestamp);
            expect(harness.take()).toEqual([{ key: c.key, value: row[0], timestamp: row[1] }]);
          } else if (c.kind === "commit") {
            harness.commit();
            committed = new Map(open);
          } else {
            harness.abort();
            open = new Map(committed);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});
