import { aggregateTableOperator } from "../core/operators/aggregate_table_operator.ts";
import { filterOperator } from "../core/operators/filter_operator.ts";
import { mapOperator } from "../core/operators/map_operator.ts";
import type { Operator, OperatorContext, OperatorFactory, Push } from "../core/operators/operator.ts";
import { processOperator } from "../core/operators/process_operator.ts";
import { temporalJoinOperator } from "../core/operators/temporal_join_operator.ts";
import { noHeaders } from "../core/ports/log.ts";
import { RecordMeta } from "../core/record.ts";
import { count } from "../core/state/aggregator.ts";
import { keyCodec } from "../core/state/codecs.ts";
import { listState, mapState, valueState } from "../core/state/descriptors.ts";
import { MemoryStore } from "../core/state/memory_store.ts";
import { StepState } from "../core/state/step_state.ts";
import type { TimerService } from "../core/state/timer_service.ts";
import type { BenchCase } from "./bench_case.ts";
import { meter } from "./meter.ts";

const records = 2_000_000;
const commitEvery = 100_000;
const keyCount = 10_000;

let emitted = 0;
const sink: Push = () => {
  emitted++;
};

/** Event time, for the operators that wait for it. */
const time = { watermark: Number.NEGATIVE_INFINITY, timers: undefined as TimerService | undefined };

const contextOf = (state: StepState, emit: Push): OperatorContext => ({
  step: "bench",
  partition: 0,
  partitions: 1,
  emit,
  side: () => sink,
  sideIsRead: () => false,
  state,
  stateOf: () => state,
  eventTimers: (handler, options) => (time.timers = state.timers("event-timers", handler, options)),
  processingTimers: (handler, options) => state.timers("processing-timers", handler, options),
  watermark: () => time.watermark,
  streamTime: () => 0,
  processingTime: () => 0,
  clock: { now: () => 0, monotonic: () => 0, after: () => ({ cancel: () => {} }), yield: async () => {} },
  count: () => {},
  requestCommit: () => {},
  timeMoved: () => {},
  wake: () => {},
});

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const keyBytes = Array.from({ length: keyCount }, (_, i) => encoder.encode(`customer-${i}`));
let random = 12_345;

/** Records as a poll leaves them: keys in no order, each decoded anew, so that its hash is not known yet. */
const poll = (count: number): readonly RecordMeta[] =>
  Array.from({ length: count }, (_, i) => {
    random = (random * 1_103_515_245 + 12_345) & 0x7fffffff;
    return new RecordMeta(decoder.decode(keyBytes[random % keyCount]), i, noHeaders, "bench", 0, i);
  });

interface Steps {
  readonly push: Push;
  readonly operator: Operator;
}

const alone =
  (factory: OperatorFactory) =>
  (state: StepState): Steps => {
    const operator = factory(contextOf(state, sink));
    return { push: operator.inputs[0]!, operator };
  };

const chain = (state: StepState): Steps => {
  const factories = [mapOperator((v: number) => v + 1), filterOperator((v: number) => v % 10 !== 0), mapOperator((v: number) => ({ v }))];
  let push = sink;
  let operator!: Operator;
  for (const factory of factories.reverse()) {
    operator = factory(contextOf(state, push));
    push = operator.inputs[0]!;
  }
  return { push, operator };
};

const temporalJoin = (state: StepState): Steps => {
  time.watermark = Number.NEGATIVE_INFINITY;
  const operator = temporalJoinOperator({
    left: true,
    historyMs: 10_000,
    joiner: (l: number, r: string | undefined) => (r === undefined ? l : 0),
  })(contextOf(state, sink));
  const [records, changes] = operator.inputs;
  let n = 0;
  const push: Push = (value, record) => {
    const timed = record.withTimestamp(++n);
    if (n % 11 === 0) changes!("version", timed);
    else records!(value, timed);
    if (n % 1_000 !== 0) return;
    time.watermark = n - 500;
    while (time.timers!.fireNext(time.watermark));
  };
  return { push, operator };
};

/** Operators and their state, without a task around them; a commit every 100,000 records. Making the records is not measured. */
const operatorCase = (name: string, make: (state: StepState) => Steps): BenchCase => ({
  name,
  run: async ({ share }) => {
    const total = Math.ceil(share(records) / commitEvery) * commitEvery;
    const state = new StepState(new MemoryStore(), keyCodec(undefined));
    const { push, operator } = make(state);
    let seconds = 0;
    let cpuSeconds = 0;
    let peakRssMb = 0;
    for (let done = 0; done < total; done += commitEvery) {
      const metas = poll(commitEvery);
      const measuring = meter();
      for (let i = 0; i < metas.length; i++) push(i, metas[i]!);
      operator.onCommit?.("commit");
      state.seal(() => {});
      state.committed(0);
      state.evict(128 << 20);
      const measured = measuring.read(commitEvery);
      seconds += commitEvery / measured["recordsPerSecond"]!;
      cpuSeconds += (measured["cpuSecondsPerMillion"]! * commitEvery) / 1e6;
      peakRssMb = measured["peakRssMb"]!;
    }
    if (emitted === 0) throw new Error("Nothing was emitted: the operators measured did nothing");
    return {
      n: total,
      recordsPerSecond: Math.round(total / seconds),
      cpuSecondsPerMillion: Number(((cpuSeconds * 1e6) / total).toFixed(3)),
      peakRssMb,
    };
  },
});

export const cases: readonly BenchCase[] = [
  operatorCase("operator chain, map filter map", chain),
  operatorCase("operator, count per key", alone(aggregateTableOperator(count()))),
  operatorCase(
    "operator, process with a value",
    alone(
      processOperator({
        state: { n: valueState({ initial: 0 }) },
        onRecord: (_: number, { state }) => [state.n.update((n) => n + 1)],
      }),
    ),
  ),
  operatorCase(
    "operator, process with a value, as a generator",
    alone(
      processOperator({
        state: { n: valueState({ initial: 0 }) },
        *onRecord(_: number, { state, timestamp }) {
          const n = state.n.update((before) => before + 1);
          if (timestamp >= 0) yield n;
        },
      }),
    ),
  ),
  operatorCase(
    "operator, process with a map and a short list",
    alone(
      processOperator({
        state: { seen: mapState<number, number>(), last: listState<number>() },
        onRecord(value: number, { state, timestamp }) {
          state.seen.set(value % 5, timestamp);
          state.last.set([...state.last.get(), value].slice(-3));
          return [value];
        },
      }),
    ),
  ),
  operatorCase("operator, temporal join", temporalJoin),
];
