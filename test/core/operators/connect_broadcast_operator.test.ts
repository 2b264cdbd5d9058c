import { describe, expect, it } from "@jest/globals";
import { connectBroadcastOperator, plainConnectBroadcastOperator } from "../../../core/operators/connect_broadcast_operator.ts";
import type { Broadcast } from "../../../core/operators/process_function.ts";
import { output } from "../../../core/operators/side_output.ts";
import {
  type BroadcastState,
  broadcastState,
  type Descriptor,
  type ListState,
  listState,
  mapState,
  operatorState,
  valueState,
} from "../../../core/state/descriptors.ts";
import { OperatorHarness } from "../../support/operator_harness.ts";
import { play } from "./scenario.ts";
import { type FlinkVector, grouped, shownTime, vector } from "./vectors.ts";

type Rules = BroadcastState<string, number>;
interface RuleCommand {
  readonly cmd: "put" | "remove" | "clear" | "dump" | "clearSeen";
  readonly rule: string;
  readonly threshold: number;
}

const matching = (rules: Iterable<readonly [string, number]>, value: number): readonly string[] =>
  [...rules]
    .filter(([, threshold]) => threshold <= value)
    .map(([rule]) => rule)
    .sort();

const obey = (
  rules: { set(rule: string, threshold: number): void; delete(rule: string): void; clear(): void },
  { cmd, rule, threshold }: RuleCommand,
): void => {
  if (cmd === "put") rules.set(rule, threshold);
  else if (cmd === "remove") rules.delete(rule);
  else if (cmd === "clear") rules.clear();
};

const rulesPerKey: Broadcast<
  number,
  RuleCommand,
  string,
  { seen: Descriptor<ListState<number>, "key"> },
  { rules: Rules },
  {},
  unknown,
  unknown,
  unknown
> = {
  broadcast: { rules: broadcastState<string, number>() },
  state: { seen: listState<number>() },
  onRecord(value, { key, state, broadcast, timers, timestamp, watermark }) {
    state.seen.add(value);
    if (value < 0) timers.event.set(timestamp - value);
    return [{ key, value, rules: matching(broadcast.rules, value), currentWatermark: shownTime(watermark) }];
  },
  onBroadcast(command, { broadcast, forEachKey }) {
    obey(broadcast.rules, command);
    if (command.cmd === "clearSeen") forEachKey((_, { seen }) => seen.clear());
    if (command.cmd !== "dump") return;
    const dump: Record<string, readonly number[]> = {};
    forEachKey((key, { seen }) => {
      dump[key] = seen.get();
    });
    return [{ dump }];
  },
  onTimer: ({ timestamp }, { key, broadcast }) => [{ key, timer: timestamp, ruleCount: [...broadcast.rules.keys()].length }],
};

describe("connect broadcast operator", () => {
  for (const restarting of [false, true])
    it(`does what Flink does in broadcast-keyed-v1${restarting ? ", starting anew after every step" : ""}`, async () => {
      const scenario = await vector<FlinkVector>("broadcast-keyed-v1");
      const { out } = play(connectBroadcastOperator(rulesPerKey), scenario, { ports: 2, restarting });
      expect(grouped(scenario.ordering, out)).toEqual(grouped(scenario.ordering, scenario.expected.out));
    });

  for (const restarting of [false, true])
    it(`does what Flink does in broadcast-nonkeyed-v1${restarting ? ", starting anew after every step" : ""}`, async () => {
      const scenario = await vector<FlinkVector>("broadcast-nonkeyed-v1");
      const plain = plainConnectBroadcastOperator({
        broadcast: { rules: broadcastState<string, number>() },
        onRecord: (value: number, { broadcast }) => [{ value, rules: matching(broadcast.rules, value) }],
        onBroadcast: (command: RuleCommand, { broadcast }) => obey(broadcast.rules, command),
      });
      const { out } = play(plain, scenario, { ports: 2, restarting });
      expect(out).toEqual(scenario.expected.out);
    });

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
