import { describe, expect, it } from "@jest/globals";
import { plainConnectBroadcastOperator } from "../../../core/operators/connect_broadcast_operator.ts";
import { plainProcessOperator } from "../../../core/operators/plain_process_operator.ts";
import { processOperator } from "../../../core/operators/process_operator.ts";
import { output } from "../../../core/operators/side_output.ts";
import { count } from "../../../core/state/aggregator.ts";
import { broadcastState, foldingState, mapState, operatorState, valueState } from "../../../core/state/descriptors.ts";
import { OperatorHarness } from "../../support/operator_harness.ts";

const refused: unknown[] = [];

/** What the compiler knows of handles. What it refuses stands in functions that nobody calls: that this file compiles is the check. */
describe("types of state", () => {
  it("follow from the declaration", () => {
    const harness = new OperatorHarness(
      processOperator({
        state: {
          n: valueState({ initial: 0 }),
          last: valueState<string>(),
          seen: mapState<string, Date>(),
          counted: foldingState(count<string>()),
        },
        side: { odd: output<number>() },
        onRecord(value: string, { state, side }) {
          const n: number = state.n.update((before) => before + 1);
          const last: string | undefined = state.last.get();
          state.last.set(value);
          if (n % 2 === 1) side.odd(n);
          refused.push(() => {
            // @ts-expect-error may be undefined as nothing stands in the beginning
            const sure: string = state.last.get();
            // @ts-expect-error takes dates
            state.seen.set("x", n);
            // @ts-expect-error counts strings
            state.counted.add(n);
            // @ts-expect-error takes numbers
            side.odd(value);
            // @ts-expect-error was not declared
            side.even(sure);
          });
          return [{ n, last }];
        },
      }),
    );
    harness.record("k", "x", 1);
    harness.record("k", "y", 2);
    expect(harness.take().map(({ value }) => value)).toEqual([{ n: 1 }, { n: 2, last: "x" }]);
    expect(harness.side("odd").map(({ value }) => value)).toEqual([1]);
  });

  it("keep keyed state out of steps without keys, and broadcasts from being changed by records", () => {
    refused.push(() => {
      // @ts-expect-error belongs to a key, and there is none
      plainProcessOperator({ state: { n: valueState<number>() }, onRecord: () => undefined });
      // @ts-expect-error is no keyed state
      processOperator({ state: { rules: broadcastState<string, number>() }, onRecord: () => undefined });
      // @ts-expect-error the keys of a map are simple
      mapState<{ id: number }, string>();
    });
    const harness = new OperatorHarness(
      plainConnectBroadcastOperator({
        broadcast: { rules: broadcastState<string, number>() },
        state: { all: operatorState<number>() },
        onRecord(value: number, { broadcast, state }) {
          const threshold: number | undefined = broadcast.rules.get("x");
          state.all.add(value);
          // @ts-expect-error records only read
          refused.push(() => broadcast.rules.set("x", 1));
          return [[threshold, ...state.all.get()]];
        },
        onBroadcast(threshold: number, { broadcast }) {
          broadcast.rules.set("x", threshold);
        },
      }),
    );
    harness.record(null, 7, 1, 1);
    harness.record(null, 8, 2);
    expect(harness.take().map(({ value }) => value)).toEqual([[7, 8]]);
  });
});
