import type { OperatorFactory } from "../operators/operator.ts";
import { firing } from "./firing.ts";
import { mergeOf } from "./merging_windows.ts";
import { revising } from "./revising.ts";
import type { MergingWindow } from "./window.ts";
import { planWindow, type WindowSpec } from "./window_spec.ts";

export type { WindowContents, WindowSpec } from "./window_spec.ts";

/**
 * The step behind `window(...)`. A record is assigned to windows of its key; those that merge become one, those that are over leave it out, the others take it. When a window speaks, and what it says, is up to its emission: results of
 * windows as triggers want them (Flink: WindowOperator, EvictingWindowOperator), or rows of a table (Kafka Streams: KStreamWindowAggregate, KStreamSlidingWindowAggregate, KStreamSessionWindowAggregate).
 *
 * Windows that do not merge go the same way as those that do: each is then the one it has been merged into, and holds its own contents.
 *
 * Records without a key are dropped and counted; those that are too late are counted, and go to the side output "late" where triggers say when windows speak.
 *
 * @throws TopologyError (WINDOW_INVALID) when parts of the spec do not go together.
 */
export const windowOperator = (spec: WindowSpec): OperatorFactory => {
  const plan = planWindow(spec);
  const { single } = plan;
  return (context) => {
    const { state } = context;
    const parts = plan.kind === "rows" ? revising(context, plan) : firing(context, plan);
    const { assign, time, closing, merging, contents, emission, needsValue = false } = parts;
    return {
      inputs: [
        (value, record) => {
          const key = single ? null : record.key;
          if ((key === null || key === undefined) && !single) {
            context.count("dropped_null_key");
            return;
          }
          if (needsValue && (value === null || value === undefined)) {
            context.count("dropped_null_value");
            return;
          }
          state.setKey(key);
          const { timestamp } = record;
          const now = time.sees(value, record);
          const telling = contents.share?.(value, timestamp, now);
          if (telling !== undefined) {
            for (const window of telling) emission.added(window, value, record, true);
            return;
          }
          let belongs = false;
          const windows = assign(value, timestamp, context);
          for (let i = 0; i < windows.length; i++) {
            const merge = merging === undefined ? undefined : mergeOf(merging, windows[i] as MergingWindow);
            const window = merge === undefined ? windows[i] : merge.window;
            if (closing.isOver(window, now)) {
              if (belongs) contents.tooLate?.(window);
              emission.missed?.();
              continue;
            }
            let held = window;
            if (merge !== undefined) {
              const [into, ...from] = merging!.join(merge, windows[i] as MergingWindow);
              if (into !== undefined) {
                emission.merged(window, merge.from, record);
                contents.merge!(into, from);
              }
              held = merging!.held(merge.window);
            }
            const isFirst = contents.add(held, value, timestamp, !belongs);
            belongs = true;
            emission.added(window, value, record, isFirst);
          }
          emission.done(value, record, belongs, now);
        },
      ],
      ...emission.hooks,
    };
  };
};
