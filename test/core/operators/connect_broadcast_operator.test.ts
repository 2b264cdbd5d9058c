import { describe, expect, it } from "@jest/globals";
import { connectBroadcastOperator, plainConnectBroadcastOperator } from "../../../core/operators/connect_broadcast_operator.ts";
import { output } from "../../../core/operators/side_output.ts";
import { broadcastState, listState, mapState, operatorState, valueState } from "../../../core/state/descriptors.ts";
import { OperatorHarness } from "../../support/operator_harness.ts";

describe("connect broadcast operator", () => {
  it("goes over each key once that has state of any kind, committed or not", () => {
    const visited: string[] = [];
    const harness = new OperatorHarness(
      connectBroadcastOperator({
        broadcast: {},
        state: { value: valueState<number>(), list: listState<number>(), map: mapState<string, number>(), all: operatorState<number>() },
        onRecord(kind: "value" | "list" | "map" | "all", { state }: any) {
          if (kind === "value") state.value.set(1);
          else if (kind === "map") state.map.set("x", 1);
          else state[kind].add(1);
        },
        onBroadcast(_: unknown, { forEachKey }: any) {
          forEachKey((key: string, state: any) => {
            visited.push(key);
            state.value.clear();
            state.list.set([]);
          });
        },
      }),
    );
    harness.record("a", "value", 1);
    harness.record("b", "list", 1);
    harness.commit();
    harness.abort();
    harness.record("b", "map", 1);
    harness.record("c", "map", 1);
    harness.record("d", "all", 1);
    harness.record(null, "visit", 2, 1);
    expect(visited.splice(0).sort()).toEqual(["a", "b", "c"]);
    harness.record(null, "visit", 3, 1);
    expect(visited.sort()).toEqual(["b", "c"]);
  });

  it("sends what comes of a broadcast record on without a key", () => {
    const harness = new OperatorHarness(
      connectBroadcastOperator({
        broadcast: {},
        side: { audit: output<string>() },
        onRecord: () => undefined,
        onBroadcast(value: string, { side }) {
          side.audit(value);
          return [value];
        },
      }),
    );
    harness.record("rule-1", "changed", 7, 1);
    expect([harness.take(), harness.side("audit")]).toEqual([
      [{ key: null, timestamp: 7, value: "changed" }],
      [{ key: null, timestamp: 7, value: "changed" }],
    ]);
  });

  it("offers records nothing that changes the broadcast", () => {
    const harness = new OperatorHarness(
      plainConnectBroadcastOperator({
        broadcast: { rules: broadcastState<string, number>() },
        onRecord: (_: unknown, { broadcast }) => ["set", "delete", "clear"].filter((name) => name in broadcast.rules),
        onBroadcast: () => undefined,
      }),
    );
    harness.record("a", 1, 1);
    expect(harness.take()).toEqual([]);
  });
});
