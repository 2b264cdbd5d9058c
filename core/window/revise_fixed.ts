import { keptMs, RevisedPanes } from "./revised_panes.ts";
import type { Revising, RevisingWork } from "./revising_windows.ts";

/** Windows of one size: tumbling, sliding by steps, and the one that never ends. None begins before 1970. */
export const reviseFixed = ({ context, plan, closeTime, changed, opened, late }: RevisingWork): Revising => {
  const { assigner, aggregator, retentionMs } = plan;
  const { init, add, serde } = aggregator;
  const { state } = context;
  const assign = assigner.open();
  const panes = new RevisedPanes<unknown>(state, serde, keptMs(retentionMs, plan.revision), plan.cached);
  panes.cleanUp();
  return {
    record: (value, record) => {
      const starts = assign(value, record.timestamp, context) as readonly number[];
      const over = closeTime();
      // An assigner gives the newest first; rows are told in the order of their windows.
      for (let i = starts.length - 1; i >= 0; i--) {
        const start = starts[i]!;
        const window = assigner.space.window(start);
        if (start < 0) continue;
        if (window.end <= over) {
          late();
          continue;
        }
        const pane = panes.get(start);
        const before = pane === undefined ? init() : pane.value;
        // A row begins with what `init` gives, and so those behind are told; only what is held back until a commit knows better.
        const was = pane === undefined && plan.cached ? undefined : before;
        const timestamp = pane === undefined ? record.timestamp : Math.max(record.timestamp, pane.at);
        const accumulator = add(before, value, state.key);
        panes.set(start, accumulator, timestamp);
        if (pane === undefined) opened(start, start);
        changed(window, accumulator, was, record, timestamp, record.rawHeaders);
      }
      return true;
    },
    closed: (start) => {
      const pane = panes.get(start);
      return pane === undefined ? undefined : { window: assigner.space.window(start), value: pane.value, timestamp: pane.at };
    },
    overAfterMs: assigner.space.window(0).end - assigner.space.window(0).start,
  };
};
