import { describe, expect, it } from "@jest/globals";
import * as fc from "fast-check";
import type { Plan } from "../../core/runtime/plan.ts";
import {
  count,
  integer,
  json,
  type KeyedStream,
  type Stream,
  type Topology,
  TopologyError,
  topic,
  topology,
  valueState,
} from "../../mod.ts";
import { type Keyed, runPlan } from "../support/plan_runner.ts";

type Value = { readonly key: number; readonly value: number };
const small = (n: number): number => ((n % 97) + 97) % 97;

/** A stream as the program has it, and what is in it. */
interface Modelled {
  readonly stream: Stream<number, number>;
  readonly keyed: boolean;
  readonly records: readonly Value[];
}

const mapped = (records: readonly Value[], fn: (value: number) => readonly number[]): readonly Value[] =>
  records.flatMap(({ key, value }) => fn(value).map((each) => ({ key, value: each })));
/** What a running count makes of records, whatever their order. */
const counted = (records: readonly Value[]): readonly Value[] => {
  const counts = new Map<number, number>();
  return records.map(({ key }) => {
    const n = (counts.get(key) ?? 0) + 1;
    counts.set(key, n);
    return { key, value: n };
  });
};
const asKeyed = ({ stream }: Modelled): KeyedStream<number, number> => stream as KeyedStream<number, number>;

/** Each adds a stream to those that there are; undefined where it cannot be. The model beside it is written without a thought of partitions. */
const operations: readonly ((one: Modelled, other: Modelled, name: string) => Modelled | undefined)[] = [
  ({ stream, keyed, records }) => ({ stream: stream.map((v) => small(v + 1)), keyed, records: mapped(records, (v) => [small(v + 1)]) }),
  ({ stream, keyed, records }) => ({
    stream: stream.filter((v) => v % 3 !== 0),
    keyed,
    records: mapped(records, (v) => (v % 3 === 0 ? [] : [v])),
  }),
  ({ stream, keyed, records }) => ({
    stream: stream.flatMap((v) => [v, small(v * 2)]),
    keyed,
    records: mapped(records, (v) => [v, small(v * 2)]),
  }),
  ({ stream, keyed, records }) => ({
    stream: stream.split({ even: (v) => v % 2 === 0 }).rest,
    keyed,
    records: mapped(records, (v) => (v % 2 === 0 ? [] : [v])),
  }),
  (one, other) => ({
    stream: one.stream.union(other.stream),
    keyed: one.keyed && other.keyed,
    records: [...one.records, ...other.records],
  }),
  ({ stream, records }) => ({
    stream: stream.keyBy((v) => v % 5),
    keyed: true,
    records: records.map(({ value }) => ({ key: value % 5, value })),
  }),
  ({ stream, records }, _other, name) => ({
    stream: stream.keyBy((v) => v % 4).repartition(name),
    keyed: true,
    records: records.map(({ value }) => ({ key: value % 4, value })),
  }),
  ({ stream, records }) => ({ stream: stream.keyBy(), keyed: true, records }),
  ({ stream, records }) => ({
    stream: stream.rewrite((v, { key }) => ({ key: small(key * 7 + v), value: v })),
    keyed: false,
    records: records.map(({ key, value }) => ({ key: small(key * 7 + value), value })),
  }),
  (one, _other, name) => (one.keyed ? { stream: asKeyed(one).scan(name, count()), keyed: true, records: counted(one.records) } : undefined),
  (one, other, name) =>
    one.keyed && other.keyed
      ? {
          stream: asKeyed(one).connect(name, asKeyed(other), {
            state: { n: valueState({ initial: 0 }) },
            onLeft: (_v, { state }) => [state.n.update((n) => n + 1)],
            onRight: (_v, { state }) => [state.n.update((n) => n + 1)],
          }),
          keyed: true,
          records: counted([...one.records, ...other.records]),
        }
      : undefined,
  ({ stream, keyed, records }, _other, name) => ({ stream: stream.repartition(name), keyed, records }),
  ({ stream, records }, _other, name) => ({ stream: stream.repartition(name, { by: "round-robin" }), keyed: false, records }),
  ({ stream, records }, _other, name) => ({
    stream: stream
      .single()
      .scan(name, count())
      .rewrite((n) => ({ key: n % 6, value: n })),
    keyed: false,
    records: records.map((_record, i) => ({ key: (i + 1) % 6, value: i + 1 })),
  }),
  ({ stream, keyed, records }, other, name) => ({
    stream: stream.connectBroadcast(name, other.stream, { broadcast: {}, onRecord: (v) => [v], onBroadcast() {} }),
    keyed,
    records,
  }),
];

const a = topic("a", { key: integer, value: json<number>() });
const b = topic("b", { key: integer, value: json<number>() });
const outputs = [0, 1, 2].map((n) => topic(`out-${n}`, { key: integer, value: json<number>() }));
const wideOfInput = 3;

interface Program {
  readonly app: Topology;
  readonly expected: readonly (readonly Value[])[];
}

const build = (
  steps: readonly (readonly [operation: number, one: number, other: number])[],
  ofA: readonly Value[],
  ofB: readonly Value[],
): Program => {
  const expected: (readonly Value[])[] = [];
  const app = topology("random", ({ from }) => {
    const streams: Modelled[] = [
      { stream: from(a) as Stream<number, number>, keyed: false, records: ofA },
      { stream: from(b) as Stream<number, number>, keyed: false, records: ofB },
    ];
    steps.forEach(([operation, one, other], step) => {
      const made = operations[operation]!(streams.at(-1 - (one % streams.length))!, streams.at(-1 - (other % streams.length))!, `s${step}`);
      if (made !== undefined && made.records.length < 2000) streams.push(made);
    });
    outputs.forEach((output, n) => {
      const last = streams.at(-1 - n);
      last?.stream.to(output);
      expected.push(last?.records ?? []);
    });
  });
  return { app, expected };
};

/** What the planner may refuse: everything else it has to be able to plan. */
const refusals = [
  /read the same keyBy\(\).*name it/,
  /reads more than one keyBy\(\).*name them/,
  /put \.repartition\(name\) behind the stream that comes there directly/,
];

const sorted = (records: readonly Keyed[]): readonly string[] => records.map(({ key, value }) => `${key}=${value}`).sort();

const checkPlan = (plan: Plan): void => {
  const readers = new Map<string, number[]>();
  for (const { id, inputs, nodes } of plan.subtopologies) {
    for (const { topic: read } of inputs) readers.set(read.name, [...(readers.get(read.name) ?? []), id]);
    nodes.forEach((node, place) => {
      expect(node.id).toBe(place);
      for (const edge of node.inputs.flat()) {
        if ("input" in edge) expect(edge.input).toBeLessThan(inputs.length);
        else expect(edge.node).toBeLessThan(place);
      }
    });
    const steps = nodes.map(({ step }) => step);
    expect(new Set(steps).size).toBe(steps.length);
  }
  for (const [, by] of readers) expect(by.length).toBe(1);
  for (const { name } of plan.topics) {
    const writers = plan.subtopologies.filter(({ nodes }) =>
      nodes.some(({ output }) => output?.topic.internal === true && output.topic.name === name),
    );
    expect(writers.length).toBeGreaterThan(0);
    for (const { id } of writers) expect(id).toBeLessThan(readers.get(name)![0]!);
  }
};

const records = fc.array(fc.record({ key: fc.integer({ min: 0, max: 4 }), value: fc.integer({ min: 0, max: 96 }) }), {
  minLength: 5,
  maxLength: 15,
});
/** How often each operation is drawn: those that move records or count them matter most. */
const weights = [1, 1, 1, 1, 4, 4, 2, 5, 2, 7, 3, 1, 2, 1, 1];
const operation = fc.oneof(...weights.map((weight, which) => ({ weight, arbitrary: fc.constant(which) })));
/** Mostly the stream that was made last, so that programs get long instead of broad. */
const which = fc.oneof(
  { weight: 5, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: fc.constant(1) },
  { weight: 1, arbitrary: fc.nat({ max: 5 }) },
);
const step = fc.tuple(operation, which, which);

describe("any program", () => {
  it("gives on many partitions, by way of all topics that its plan has, what its description says", () => {
    let planned = 0;
    let refused = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 10 }), records, records, (steps, ofA, ofB) => {
        let program: Program;
        try {
          program = build(steps, ofA, ofB);
        } catch (thrown) {
          if (!(thrown instanceof TopologyError) || !refusals.some((refusal) => refusal.test(thrown.message))) throw thrown;
          refused++;
          return;
        }
        planned++;
        const plan = program.app.plan();
        checkPlan(plan);
        expect(build(steps, ofA, ofB).app.describe("json")).toBe(program.app.describe("json"));
        const read = runPlan(
          plan,
          new Map<string, { partitions: number; records: readonly Keyed[] }>([
            ["a", { partitions: wideOfInput, records: ofA }],
            ["b", { partitions: wideOfInput, records: ofB }],
            ...outputs.map(({ name }, n) => [name, { partitions: n + 1, records: [] }] as const),
          ]),
        );
        outputs.forEach(({ name }, n) => {
          if (program.expected[n]!.length > 0) expect(sorted(read(name))).toEqual(sorted(program.expected[n]!));
        });
      }),
      { numRuns: 400 },
    );
    expect(planned).toBeGreaterThan(refused);
  });
});
