import type { Assigner } from "./assigner.ts";
import type { Eviction, Evictor } from "./evictor.ts";
import type { Trigger } from "./trigger.ts";
import type { Window } from "./window.ts";

/** A value of one of two streams that go through the same windows. */
export interface TaggedValue {
  readonly side: "left" | "right";
  readonly value: unknown;
}

/** The assigner for values that say from which stream they are. */
export const taggedAssigner = (assigner: Assigner<any, any>): Assigner<TaggedValue, any> => ({
  ...assigner,
  open: () => {
    const assign = assigner.open();
    return ({ value }, timestamp, clock) => assign(value, timestamp, clock);
  },
});

export const taggedTrigger = (trigger: Trigger<any, any>): Trigger<TaggedValue, any> => ({
  ...trigger,
  open: (place) => {
    const open = trigger.open(place);
    return {
      onRecord: ({ value }, timestamp) => open.onRecord(value, timestamp),
      onEventTimer: (timestamp) => open.onEventTimer(timestamp),
      onProcessingTimer: (timestamp) => open.onProcessingTimer(timestamp),
      onMerge: (from) => open.onMerge(from),
      clear: () => open.clear(),
    };
  },
});

export const taggedEvictor = ({ name, before, after }: Evictor<any, any>): Evictor<TaggedValue, any> => ({
  name,
  ...(before === undefined ? {} : { before: taggedEviction(before) }),
  ...(after === undefined ? {} : { after: taggedEviction(after) }),
});

const taggedEviction =
  (eviction: Eviction<any, Window>): Eviction<TaggedValue, Window> =>
  (values, timestamps, window) =>
    eviction(
      values.map(({ value }) => value),
      timestamps,
      window,
    );
