import { describe, expect, it } from "@jest/globals";
import { TopologyError } from "../../../core/errors.ts";
import { processOperator } from "../../../core/operators/process_operator.ts";
import { output } from "../../../core/operators/side_output.ts";
import { listState, operatorState, valueState } from "../../../core/state/descriptors.ts";
import { OperatorHarness } from "../../support/operator_harness.ts";

describe("process operator", () => {
  it("gives results of a timer in processing time the timer's time", () => {
    const harness = new OperatorHarness(
      processOperator({
        onRecord(_value, ctx) {
          ctx.timers.processing.set(500);
        },
        onTimer: (timer, ctx) => [`${timer.domain} ${timer.timestamp} ${ctx.timestamp} ${ctx.offset}`],
      }),
    );
    harness.record("a", 1, 10);
    harness.processingTime(700);
    expect(harness.take()).toEqual([{ key: "a", timestamp: 500, value: "processing 500 500 -1" }]);
  });

  it("lets a context be taken apart, and be kept until later", () => {
    const kept: (() => string)[] = [];
    const harness = new OperatorHarness(
      processOperator({
        side: { odd: output<number>() },
        onRecord(value: number, ctx) {
          const { key, timestamp, side, requestCommit, timers } = ctx;
          const { set } = timers.event;
          requestCommit();
          if (value % 2 === 1) side.odd(value);
          kept.push(() => `${key} ${timestamp} = ${ctx.key} ${ctx.timestamp}`);
          set(timestamp + 5);
          return [value];
        },
        *onTimer(_timer, { key, timestamp }) {
          yield `${key}@${timestamp}`;
        },
      }),
    );
    harness.record("a", 1, 10);
    harness.record("b", 2, 20);
    expect(kept.map((show) => show())).toEqual(["a 10 = a 10", "b 20 = b 20"]);
    expect(harness.side("odd")).toEqual([{ key: "a", timestamp: 10, value: 1 }]);
    harness.watermark(100);
    expect(harness.take().map(({ value }) => value)).toEqual([1, 2, "a@15", "b@25"]);
  });

  it("drops and counts records without key, unless null is a key like any other", () => {
    const spec = {
      state: { n: valueState({ initial: 0 }) },
      onRecord: (_: unknown, ctx: any) => [ctx.state.n.update((n: number) => n + 1)],
    };
    const dropping = new OperatorHarness(processOperator(spec));
    const taking = new OperatorHarness(processOperator(spec, { nullKey: true }));
    for (const harness of [dropping, taking]) {
      harness.record(null, "x", 1);
      harness.commit();
      harness.abort();
      harness.record(null, "y", 2);
    }
    expect([dropping.take(), dropping.counters.get("dropped_null_key")]).toEqual([[], 2]);
    expect([taking.take().map(({ value }) => value), taking.counters.get("dropped_null_key")]).toEqual([[1, 2], undefined]);
  });

  it("takes back everything that one record did", () => {
    const harness = new OperatorHarness(
      processOperator({
        state: { n: valueState({ initial: 0 }), seen: listState<number>(), all: operatorState<number>() },
        onRecord(value: number, { state, timers }) {
          state.n.update((n) => n + value);
          state.seen.add(value);
          state.all.add(value);
          timers.event.set(value);
          return [[state.n.get(), state.seen.get(), state.all.get()]];
        },
        onTimer: (timer) => [timer.timestamp],
      }),
    );
    harness.record("a", 1, 1);
    harness.state.mark();
    harness.record("a", 2, 2);
    harness.state.rollback();
    harness.record("a", 3, 3);
    harness.watermark(10);
    expect(harness.take().map(({ value }) => value)).toEqual([[1, [1], [1]], [3, [1, 2], [1, 2]], [4, [1, 3], [1, 3]], 1, 3]);
  });

  it("says what is wrong with a timer that nobody waits for, with a time that is none, and with results that are none", () => {
    const set = (at: number, waited: boolean) => () => {
      const onTimer = { onTimer: () => undefined };
      new OperatorHarness(processOperator({ ...(waited ? onTimer : {}), onRecord: (_, { timers }) => timers.event.set(at) })).record(
        "a",
        1,
        1,
      );
    };
    expect(set(1, false)).toThrow(TopologyError);
    expect(set(Number.NaN, true)).toThrow("A timer cannot be set for NaN: give milliseconds since 1970");
    const returning = (result: unknown) => () =>
      new OperatorHarness(processOperator({ onRecord: () => result as undefined })).record("a", 1, 1);
    expect(returning(7)).toThrow("Step 'step' returned a number where an iterable of results is wanted: put the result into an array");
    expect(returning(Promise.resolve([7]))).toThrow("call mapAsync for what has to wait");
    expect(returning(undefined)).not.toThrow();
  });
});
