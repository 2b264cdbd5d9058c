import { aggregateTableOperator } from "../core/operators/aggregate_table_operator.ts";
import { filterOperator } from "../core/operators/filter_operator.ts";
import { mapOperator } from "../core/operators/map_operator.ts";
import { processOperator } from "../core/operators/process_operator.ts";
import { temporalJoinOperator } from "../core/operators/temporal_join_operator.ts";
import { noHeaders } from "../core/ports/log.ts";
import { RecordMeta } from "../core/record.ts";
import type { Operator, OperatorContext, OperatorFactory, Push } from "../core/runtime/operator.ts";
import { keyCodec } from "../core/state/codecs.ts";
import { listState, mapState, valueState } from "../core/state/descriptors.ts";
import { MemoryStore } from "../core/state/memory_store.ts";
import { StepState } from "../core/state/step_state.ts";
import type { TimerService } from "../core/state/timer_service.ts";
import { count } from "../core/window/aggregator.ts";

/** Microseconds of CPU per record inside operators and their state, as JSON lines. `node bench/operators.ts [records]` */
const records = Number(process.argv[2] ?? 2_000_000);
const commitEvery = 100_000;
const rounds = 5;
const keys = Array.from({ length: 10_000 }, (_, i) => `customer-${i}`);

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
});

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const keyBytes = keys.map((key) => encoder.encode(key));
let random = 12345;

/** Records as a poll leaves them: keys in no order, each decoded anew, so that its hash is not known yet. */
const poll = (): readonly RecordMeta[] =>
  Array.from({ length: commitEvery }, (_, i) => {
    random = (random * 1103515245 + 12345) & 0x7fffffff;
    return new RecordMeta(decoder.decode(keyBytes[random % keys.length]), i, noHeaders, "bench", 0, i);
  });

const measure = (
  name: string,
  make: (state: StepState) => { readonly push: Push; readonly operator: Operator },
  stateful: boolean,
): void => {
  const best = { total: Number.POSITIVE_INFINITY, records: 0, commit: 0 };
  for (let round = 0; round < rounds; round++) {
    const state = new StepState(new MemoryStore(), keyCodec(undefined));
    const { push, operator } = make(state);
    let commitUs = 0;
    let recordUs = 0;
    for (let done = 0; done < records; done += commitEvery) {
      const metas = poll();
      const start = process.cpuUsage();
      for (let i = 0; i < metas.length; i++) push(i, metas[i]!);
      const used = process.cpuUsage(start);
      recordUs += used.user + used.system;
      if (!stateful) continue;
      const commitStart = process.cpuUsage();
      operator.onCommit?.();
      state.seal(() => {});
      state.committed(0);
      state.evict(100_000);
      const commitUsed = process.cpuUsage(commitStart);
      commitUs += commitUsed.user + commitUsed.system;
    }
    const total = (recordUs + commitUs) / records;
    if (total < best.total) Object.assign(best, { total, records: recordUs / records, commit: commitUs / records });
  }
  const shown = (us: number) => Number(us.toFixed(4));
  console.log(
    JSON.stringify({
      bench: `operators/${name}`,
      cpuUsPerRecord: shown(best.total),
      ofIt: { records: shown(best.records), commit: shown(best.commit) },
      records,
      keys: stateful ? keys.length : 0,
    }),
  );
};

const alone = (factory: OperatorFactory) => (state: StepState) => {
  const operator = factory(contextOf(state, sink));
  return { push: operator.inputs[0]!, operator };
};

const chain = (state: StepState) => {
  const factories = [mapOperator((v: number) => v + 1), filterOperator((v: number) => v % 10 !== 0), mapOperator((v: number) => ({ v }))];
  let push = sink;
  let operator!: Operator;
  for (const factory of factories.reverse()) {
    operator = factory(contextOf(state, push));
    push = operator.inputs[0]!;
  }
  return { push, operator };
};

measure("map-filter-map", chain, false);
measure("count per key (aggregate table)", alone(aggregateTableOperator(count())), true);
measure(
  "process with valueState",
  alone(
    processOperator({
      state: { n: valueState({ initial: 0 }) },
      onRecord: (_: number, { state }) => [state.n.update((n) => n + 1)],
    }),
  ),
  true,
);
measure(
  "process with valueState, as a generator",
  alone(
    processOperator({
      state: { n: valueState({ initial: 0 }) },
      *onRecord(_: number, { state, timestamp }) {
        const n = state.n.update((before) => before + 1);
        if (timestamp >= 0) yield n;
      },
    }),
  ),
  true,
);
measure(
  "process with mapState and a bounded listState",
  alone(
    processOperator({
      state: { seen: mapState<number, number>(), last: listState<number>() },
      onRecord(value: number, { state, timestamp }) {
        state.seen.set(value % 5, timestamp);
        state.last.set([...state.last.get(), value].slice(-3));
      },
    }),
  ),
  true,
);
measure(
  "temporal join, a watermark every 1,000 records, ten records in eleven wait",
  (state) => {
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
      if (n % 1000 !== 0) return;
      time.watermark = n - 500;
      while (time.timers!.fireNext(time.watermark));
    };
    return { push, operator };
  },
  true,
);
if (emitted === 0) throw new Error("Nothing was emitted: the operators measured did nothing");
