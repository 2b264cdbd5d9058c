import { broadcastState, listState } from "millrace";
import { type Job, type Shown, shownTime } from "./shapes.ts";

const rules = broadcastState<string, number>();

const matching = (all: Iterable<readonly [string, number]>, value: number): readonly string[] =>
  [...all]
    .filter(([, threshold]) => threshold <= value)
    .map(([rule]) => rule)
    .sort();

const obey = (
  all: { set(rule: string, threshold: number): void; delete(rule: string): void; clear(): void },
  { cmd, rule, threshold }: any,
): void => {
  if (cmd === "put") all.set(rule, threshold);
  else if (cmd === "remove") all.delete(rule);
  else if (cmd === "clear") all.clear();
};

export const broadcastJob = (): Job => ({
  inputs: ["in1", "in2"],
  describe: ({ in1, in2 }) => ({
    out: in1!.connectBroadcast("rules", in2!, {
      broadcast: { rules },
      onRecord: ({ value }, { broadcast }): readonly Shown[] => [{ value: { value, rules: matching(broadcast.rules, value) } }],
      onBroadcast: ({ value }, { broadcast }) => obey(broadcast.rules, value),
    }),
  }),
});

export const keyedBroadcastJob = (): Job => ({
  inputs: ["in1", "in2"],
  describe: ({ in1, in2 }) => ({
    out: in1!.keyBy().connectBroadcast("rules", in2!, {
      broadcast: { rules },
      state: { seen: listState<number>() },
      onRecord({ value }, { key, state, broadcast, timers, timestamp, watermark }): readonly Shown[] {
        state.seen.add(value);
        if (value < 0) timers.event.set(timestamp - value);
        return [{ value: { key, value, rules: matching(broadcast.rules, value), currentWatermark: shownTime(watermark) } }];
      },
      onBroadcast({ value }, { broadcast, forEachKey }): readonly Shown[] {
        obey(broadcast.rules, value);
        if (value.cmd === "clearSeen") forEachKey((_, { seen }) => seen.clear());
        if (value.cmd !== "dump") return [];
        const dump: Record<string, readonly number[]> = {};
        forEachKey((key, { seen }) => {
          dump[key] = seen.get();
        });
        return [{ value: { dump } }];
      },
      onTimer: ({ timestamp }, { key, broadcast }): readonly Shown[] => [
        { value: { key, timer: timestamp, ruleCount: [...broadcast.rules.keys()].length } },
      ],
    }),
  }),
});
