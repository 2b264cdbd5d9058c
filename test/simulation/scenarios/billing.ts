import { minutes, seconds } from "../../../core/duration.ts";
import { json } from "../../../core/serde/json.ts";
import { text } from "../../../core/serde/text.ts";
import { count } from "../../../core/state/aggregator.ts";
import { listState, valueState } from "../../../core/state/descriptors.ts";
import { around } from "../../../core/window/around.ts";
import { calendar } from "../../../core/window/calendar.ts";
import { counting } from "../../../core/window/counting.ts";
import { cumulative } from "../../../core/window/cumulative.ts";
import { trigger } from "../../../core/window/custom_trigger.ts";
import { evictor } from "../../../core/window/evictor.ts";
import { globalWindow } from "../../../core/window/global_window.ts";
import { keepLast } from "../../../core/window/keep_last.ts";
import { keepNear } from "../../../core/window/keep_near.ts";
import { keepRecent } from "../../../core/window/keep_recent.ts";
import { onCount } from "../../../core/window/on_count.ts";
import { onDelta } from "../../../core/window/on_delta.ts";
import { onInterval } from "../../../core/window/on_interval.ts";
import { onProcessingTime } from "../../../core/window/on_processing_time.ts";
import { onWatermark } from "../../../core/window/on_watermark.ts";
import { orTimeout } from "../../../core/window/or_timeout.ts";
import { purging } from "../../../core/window/purging.ts";
import { onClose, onUpdate } from "../../../core/window/revision.ts";
import { session } from "../../../core/window/session.ts";
import { sliding } from "../../../core/window/sliding.ts";
import { tumbling } from "../../../core/window/tumbling.ts";
import type { Window } from "../../../core/window/window.ts";
import { feed } from "../../../topology/testing/mod.ts";
import { topic } from "../../../topology/topic.ts";
import { topology } from "../../../topology/topology.ts";
import { type Event, events, eventsBy, eventTime } from "../events.ts";
import type { Scenario } from "../scenario.ts";

const written = (name: string) => topic(name, { key: text, value: json<unknown>() });
const ids = (all: readonly Event[]): readonly (readonly number[])[] => [all.map(({ id }) => id).sort((a, b) => a - b)];

/** Bills by the calendar, what a day has come to so far, and sessions that meet: panes with results, state and side outputs of their own. */
export const billing: Scenario = {
  name: "billing",
  topology: topology("billing", ({ from }) => {
    const byUser = from(events, eventTime).keyBy();
    byUser
      .window(calendar({ unit: "day", zone: "Europe/Berlin" }))
      .process("daily", ids)
      .to(written("daily"));
    const soFar = byUser.window(cumulative({ size: minutes(2), step: seconds(30) })).aggregate("so-far", count(), {
      state: { told: valueState({ initial: 0 }) },
      onPane(n, { state }) {
        state.told.set(state.told.get() + n);
        return [`${n} of ${state.told.get()}`];
      },
    });
    soFar.to(written("so-far"));
    byUser
      .window(session({ gap: seconds(15) }), { emit: purging(onWatermark()), lateness: seconds(20) })
      .reduce(
        "longest",
        (a, b) => (a.at > b.at ? a : b),
        ({ id }) => id,
      )
      .to(written("longest"));
    byUser
      .window(around({ difference: seconds(5) }), { emit: onClose() })
      .count("around")
      .toStream()
      .rewrite((n, { key }) => ({ key: key.key, value: { from: key.window.start, n } }))
      .to(written("around"));
    byUser
      .window(sliding({ size: minutes(1), every: seconds(20) }), { emit: onUpdate() })
      .reduce("latest", (a, b) => (a.id > b.id ? a : b))
      .toStream()
      .rewrite((event, { key }) => ({ key: key.key, value: { from: key.window.start, id: event?.id ?? null } }))
      .to(written("latest-per-window"));
  }),
  input: (random) => [feed(events, eventsBy(random, 80))],
};

/** Speaks of each third large event, with those that led to it; state of its own per pane. */
const large = valueState({ initial: 0 });
const seen = listState<number>();
const thirdLarge = trigger<Event, Window, { large: typeof large; seen: typeof seen }>({
  name: "third large",
  state: { large, seen },
  onRecord({ kind, id }, timestamp, { state, timers }) {
    state.seen.add(id);
    timers.event.set(timestamp + 45_000);
    if (kind !== "large") return "continue";
    state.large.set(state.large.get() + 1);
    return state.large.get() % 3 === 0 ? "fire-and-purge" : "continue";
  },
  onTimer: (_timer, { state }) => ([...state.seen.get()].length > 4 ? "fire" : "continue"),
  clear: ({ state }) => {
    state.large.clear();
    state.seen.clear();
  },
});

/** Alarms of a meter: windows by number, by change, by the wall clock and by rules of the program's own, with records that are let go of before they are looked at. */
export const metering: Scenario = {
  name: "metering",
  topology: topology("metering", ({ from }) => {
    const byUser = from(events, { ...eventTime, idleness: seconds(3) }).keyBy();
    byUser
      .window(counting({ size: 4 }))
      .process("four", (all) => [all.map(({ id }) => id)])
      .to(written("four"));
    byUser
      .window(counting({ size: 5, every: 2 }))
      .process("five", (all) => [all.map(({ id }) => id)])
      .to(written("five"));
    byUser
      .window(globalWindow(), { emit: onDelta(20_000, (last, { at }) => at - last.at), evict: keepLast(3) })
      .process("jumps", (all) => [all.map(({ id }) => id)])
      .to(written("jumps"));
    byUser
      .window(globalWindow(), { emit: orTimeout(onCount(6), seconds(2)), evict: keepNear(40_000, (a, b) => b.at - a.at) })
      .process("six", (all) => [all.map(({ id }) => id)])
      .to(written("six"));
    byUser
      .window(tumbling({ size: minutes(2) }), { emit: onInterval(seconds(30)), evict: keepRecent(minutes(1)), lateness: seconds(10) })
      .process("every-half-minute", ids)
      .to(written("every-half-minute"));
    byUser
      .window(tumbling({ size: minutes(3) }), {
        emit: thirdLarge,
        evict: evictor({ before: (all) => all.filter(({ kind }) => kind !== "other") }),
      })
      .process("third-large", ids)
      .to(written("third-large"));
    byUser
      .window(tumbling({ size: seconds(2), time: "processing" }), { emit: onProcessingTime() })
      .process("by-the-clock", ids)
      .to(written("by-the-clock"));
  }),
  input: (random) => [feed(events, eventsBy(random, 80))],
};
